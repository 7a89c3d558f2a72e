// Rows of a batch that each execute their own blocks give the numbers of each image alone, in f64,
// and cost what each executes.
#include "models/row_plan.h"

#include <cmath>

#include "engine/philox.h"
#include "models/resnet.h"
#include "tests/support/catch.h"

using namespace weft;

namespace {

constexpr int64_t height = 33, width = 25;

struct Net {
  CpuContext cpu{2};
  ParameterStore store{&cpu, DType::f64};
  std::unique_ptr<Trunk> trunk = make_resnet(store, "", {.depth = 18, .width = 0.05}, 3);

  Net() {  // statistics that are not the first ones
    for (NamedStats& s : store.stats())
      for (int64_t c = 0; c < s.stats.running_mean.numel(); ++c) {
        const Philox words(5, Stream::init, 0, s.name);
        s.stats.running_mean.data<double>()[c] = words.normal(static_cast<uint64_t>(c)) * 0.1;
        s.stats.running_var.data<double>()[c] = 0.5 + words.uniform(static_cast<uint64_t>(100 + c));
      }
  }
};

Tensor pictures(int64_t n) {
  const Shape shape{n, height, width, 3};
  std::vector<double> v;
  for (int64_t i = 0; i < shape.numel(); ++i)
    v.push_back(Philox(7, Stream::data, 0, "images").normal(static_cast<uint64_t>(i)));
  return Tensor::from(shape, v, DType::f64);
}

Decisions random_decisions(uint32_t trial, size_t policies, size_t images, size_t blocks) {
  const Philox words(11, Stream::policy, trial, "decisions");
  Decisions out(policies);
  uint64_t at = 0;
  for (auto& policy : out)
    for (size_t n = 0; n < images; ++n) {
      auto& row = policy.emplace_back();
      for (size_t l = 0; l < blocks; ++l) row.push_back(words.below(at++, 2) != 0);
    }
  return out;
}

/// One image through the blocks that it executes, as the definition says.
std::vector<double> alone(const Net& net, const Tensor& image, const std::vector<uint8_t>& select) {
  Tape tape(net.store.context(), Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{}};
  Var x = net.trunk->stem(pass, tape.constant(image));
  for (int l = 0; l < net.trunk->blocks(); ++l) {
    const Var r = net.trunk->shortcut(pass, l, x);
    x = select[static_cast<size_t>(l)] ? net.trunk->residual(pass, l, x, r) : r;
  }
  return x.value().to_vector();
}

}  // namespace

TEST_CASE("rows: every image gets the numbers of its own pass, whatever the others execute",
          "[models][blockdrop]") {
  const auto trial = static_cast<uint32_t>(GENERATE(0, 1, 2, 3));
  const size_t policies = trial % 2 + 1;
  constexpr int64_t images = 5;
  Net net;
  const auto blocks = static_cast<size_t>(net.trunk->blocks());
  Decisions decisions = random_decisions(trial, policies, images, blocks);
  if (trial == 2) decisions[0].assign(images, std::vector<uint8_t>(blocks, 1));
  if (trial == 3) decisions[0].assign(images, std::vector<uint8_t>(blocks, 0));
  const Tensor x = pictures(images);
  Tape tape(net.store.context(), Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{}};
  const RowPlan plan = plan_rows(decisions);
  const Var y = run_rows(pass, *net.trunk, plan, tape.constant(x));
  for (size_t v = 0; v < policies; ++v)
    for (int64_t n = 0; n < images; ++n) {
      const auto i = static_cast<size_t>(n);
      const auto mine = take_rows(y, {plan.out[v][i]}).value().to_vector();
      const auto naive = alone(net, x.rows(n, 1), decisions[v][i]);
      REQUIRE(mine.size() == naive.size());
      for (size_t e = 0; e < naive.size(); ++e)
        if (std::abs(mine[e] - naive[e]) > 1e-9 * std::max(1.0, std::abs(naive[e])))
          FAIL("policy " << v << ", image " << n << ": " << mine[e] << ", alone " << naive[e]);
    }
}

TEST_CASE("rows: policies of an image share what they execute alike", "[models][blockdrop]") {
  const Decisions decisions = {{{1, 1, 0}, {0, 1, 1}}, {{1, 0, 0}, {0, 1, 1}}};
  const RowPlan plan = plan_rows(decisions);
  CHECK(plan.blocks[0].run == std::vector<int32_t>{0});
  CHECK(plan.blocks[0].rows.size() == 2);
  CHECK(plan.blocks[1].run == std::vector<int32_t>{0, 1});
  CHECK(plan.blocks[1].rows.size() == 3);  // image 0 parts
  CHECK(plan.blocks[2].run == std::vector<int32_t>{2});
  CHECK(plan.out == std::vector<std::vector<int32_t>>{{0, 2}, {1, 2}});
}

TEST_CASE("rows: MACs are those that ran, image by image", "[models][blockdrop]") {
  Net net;
  const TrunkCost cost = net.trunk->cost(height, width);
  const Decisions decisions = {{{1, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 0}}};
  const auto macs = plan_rows(decisions).macs(cost);
  Macs least = cost.stem;
  for (const Macs& m : cost.shortcut) least += m;
  CHECK(macs[1].dense == least.dense);
  CHECK(macs[0].dense ==
        least.dense + cost.residual[0].dense + cost.residual[3].dense + cost.residual[7].dense);
}
