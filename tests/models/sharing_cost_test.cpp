// What every way of sharing costs, in closed form: parameters of trunks and of what joins them, and
// MACs an image, for K tasks on the dilated ResNet-18 at 4, 8, 16 and 32 channels; the initial
// values of stitches; and what [share] refuses.
#include <cmath>
#include <numeric>

#include "models/sharing/sharing.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

ModelOptions options_of(const std::string& sharing, int64_t tasks) {
  ModelOptions o;
  o.sharing = from_word<Sharing>("sharing", sharing);
  o.trunk.width = 0.0625;
  o.head.aspp = false;
  for (int64_t k = 0; k < tasks; ++k) o.tasks.push_back({fmt::format("task{}", k), 2});
  return o;
}

ModelCost cost_of(const ModelOptions& options) {
  CpuContext cpu;
  return make_model(&cpu, DType::f32, options)->cost(65, 49, nullptr);
}

std::vector<double> values(Model& model, const std::string& name) {
  const Parameter* p = model.store().find(name);
  REQUIRE(p != nullptr);
  return p->value.to_vector();
}

std::string refusal(const ModelOptions& options) {
  try {
    cost_of(options);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("ways of sharing cost what their formulas say", "[models][ways]") {
  const int64_t k = GENERATE(1, 2, 5);
  const ModelCost one = cost_of(options_of("hard", 1));
  for (const Sharing way : all_ways()) {
    INFO(name_of(way) << " for " << k << " tasks");
    const ModelCost cost = cost_of(options_of(name_of(way), k));
    const auto& [shared, own] = way_of(way).trunks;
    const double trunks = shared + own * static_cast<double>(k);
    const auto times = [&](int64_t n) { return std::llround(trunks * static_cast<double>(n)); };
    CHECK(cost.one_trunk_parameters == one.trunk_parameters);
    CHECK(cost.trunk_parameters == times(one.trunk_parameters) + row_of(way).more_of_trunk());
    CHECK(cost.trunk.dense == times(one.trunk.dense));
    CHECK(cost.trunk.useful == times(one.trunk.useful));
    CHECK(cost.head_parameters == k * one.head_parameters);
    CHECK(cost.heads.dense == k * one.heads.dense);
    CHECK(cost.body_parameters() == cost.trunk_parameters + cost.sharing_parameters);
    CHECK(cost.body().dense == cost.trunk.dense + cost.sharing.dense);
    const Joined joined = row_of(way).joined(k);
    CHECK(cost.sharing_parameters == joined.parameters);
    CHECK(cost.sharing.dense == joined.macs);
  }
  ModelOptions per_channel = options_of("cross_stitch", k);
  per_channel.share.per_channel = true;
  CHECK(cost_of(per_channel).sharing_parameters == k * k * (4 + 8 + 16 + 32));
}

TEST_CASE("stitches begin at their published values, which add up to 1", "[models][ways]") {
  CpuContext cpu;
  const auto cross = make_model(&cpu, DType::f64, options_of("cross_stitch", 3));
  const auto row = values(*cross, "sharing.stitch.stage2.task1");
  for (size_t j = 0; j < 3; ++j) CHECK(row[j] == Catch::Approx(j == 1 ? 0.9 : 0.05));
  const auto sluice = make_model(&cpu, DType::f64, options_of("sluice", 2));
  const auto a = values(*sluice, "sharing.stitch.stage3.task1.0");
  CHECK(a[2] == 0.95);
  CHECK(a[0] == Catch::Approx(0.05 / 3));
  CHECK(std::accumulate(a.begin(), a.end(), 0.0) == Catch::Approx(1));
  CHECK(values(*sluice, "sharing.stitch.layers.task0")[3] == 0.9);
  ModelOptions balanced = options_of("sluice", 2);
  balanced.share.init = SluiceInit::balanced;
  CHECK(values(*make_model(&cpu, DType::f64, balanced), "sharing.stitch.stage1.task0.1") ==
        std::vector<double>(4, 0.25));
  const auto nddr = make_model(&cpu, DType::f64, options_of("nddr", 2));
  const auto w = values(*nddr, "sharing.stitch.stage1.task1.conv.weight");  // [4, 8]
  for (size_t out = 0; out < 4; ++out)
    for (size_t in = 0; in < 8; ++in)
      CHECK(w[out * 8 + in] == Catch::Approx(in == out ? 0.1 : in == out + 4 ? 0.9 : 0.0));
}

TEST_CASE("what a way of sharing cannot be told is refused", "[models][ways]") {
  ModelOptions soft = options_of("soft", 2);
  soft.share.layers = {"layer2", "layer5"};
  CHECK(refusal(soft) ==
        "share.layers: 'layer5' names no layer of the trunk; it has conv1 to layer4.1.conv2");
  ModelOptions sluice = options_of("sluice", 2);
  sluice.share.subspaces = 3;
  CHECK(refusal(sluice) ==
        "share.subspaces: the 4 channels of stage 1 do not divide into 3 equal parts");
  CHECK(message_of<ConfigError>([] { from_word<Sharing>("sharing", "telepathy"); }) ==
        "sharing: there is no 'telepathy'; choose " + listed(all_ways(), "or"));
}
