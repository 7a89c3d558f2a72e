// Routing's network: tasks on paths of their own are plain loops, with values and gradients; those
// that have come the same way are computed once; what nobody takes has no gradient; straight through,
// every function block has its gradient and statistics follow the draw; and what is counted.
#include "models/route_policy.h"
#include "models/sharing/sharing.h"
#include "tests/models/naive_choices.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int64_t height = 17, width = 14;
using Routes = Choices;

ModelOptions options_of(size_t tasks, int functions, Sharing sharing = Sharing::routing) {
  ModelOptions o;
  o.sharing = sharing;
  o.share.functions = functions;
  o.trunk.width = 0.0625;
  o.head.aspp = false;
  o.tasks = {{"seg", 3}, {"depth", 1}};
  if (tasks == 3) o.tasks.push_back({"normals", 2});
  o.seed = 7;
  return o;
}

Tensor picture() {
  return Tensor::from({2, height, width, 3}, noise("image", 2 * height * width * 3, -1, 1),
                      DType::f64);
}

/// Tasks that begin alike, part, and meet on a function block again.
Routes mixed_routes(size_t tasks, int blocks, int functions) {
  Routes routes(tasks);
  for (size_t k = 0; k < tasks; ++k)
    for (int l = 0; l < blocks; ++l)
      routes[k].push_back(1 + (l + static_cast<int>(k) * (l / 2) + l * l / 3) % functions);
  return routes;
}

/// The parameters of function block m of a place.
std::string function_of(const std::string& block, int m) {
  return fmt::format("{}.f{}.", block, m);
}

}  // namespace

TEST_CASE("tasks on routes of their own are plain loops: values and gradients",
          "[models][routing]") {
  const size_t tasks = GENERATE(2, 3);
  const bool soft = GENERATE(false, true);  // p [L, 3], as straight-through Gumbel hands over
  constexpr int functions = 3;
  INFO(tasks << " tasks, " << (soft ? "every function block" : "routes"));
  const ModelOptions options = options_of(tasks, functions);
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  randomise(*model);
  const int blocks = model->trunk().blocks();
  const Routes routes = mixed_routes(tasks, blocks, functions);
  const auto expected = check_as_loops(
      *model, options, picture(), routes, functions, [](int route) { return route - 1; }, soft);
  for (const Parameter& p : model->store().parameters()) {
    if (model->store().part_of(p) == Part::policy) continue;
    INFO(p.name);
    bool taken =
        soft || p.name.find(".f") == std::string::npos || model->store().part_of(p) == Part::head;
    for (size_t k = 0; k < tasks; ++k)
      for (int l = 0; l < blocks; ++l)
        taken |= p.name.rfind(
                     function_of(model->trunk().block_name(l), routes[k][static_cast<size_t>(l)]),
                     0) == 0;
    REQUIRE(p.grad.defined() == taken);  // else not a gradient of zero, but none
    if (taken) check_close(p.name, p.grad.to_vector(), expected.at(p.name));
  }
}

TEST_CASE("a routed place with one function block is the undivided one; two begin unlike",
          "[models][routing]") {
  CpuContext cpu(1);
  ModelOptions options = options_of(2, 2);
  options.policy.skip_layer = 7;
  const auto model = make_model(&cpu, DType::f64, options);
  const auto hard = make_model(&cpu, DType::f64, options_of(2, 2, Sharing::hard));
  for (const Parameter& p : hard->store().parameters()) {
    INFO(p.name);
    const bool routed = p.name.rfind("layer4.1", 0) == 0;
    const Parameter* own = model->store().find(p.name);
    REQUIRE((own == nullptr) == routed);
    if (own != nullptr) CHECK(own->value.to_vector() == p.value.to_vector());
  }
  const auto weight = [&](int m) {
    return model->store().find(fmt::format("layer4.1.f{}.conv1.weight", m))->value.to_vector();
  };
  CHECK(weight(1) != weight(2));
  CHECK(model->policy()->logits()[0]->value.shape() == Shape{1, 2});
  CHECK(model->policy()->sample_binary(1, 0, 1).select[0][0] == 1);
}

TEST_CASE("without a sample, training is routed by chance and evaluation by the likeliest",
          "[models][routing]") {
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options_of(2, 3));
  Tensor logits = Tensor::from({8, 3}, noise("u", 24, -1, 1), DType::f64);
  model->policy()->set_logits(1, logits);
  const auto outputs = [&](bool training, uint32_t step, const PolicySample* sample) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, training, Noise{5, step}};
    std::vector<std::vector<double>> out;
    for (const Var& y : model->forward(pass, tape.constant(picture()), sample))
      out.push_back(y.value().to_vector());
    return out;
  };
  const PolicySample likely{gates_of(model->policy()->most_likely()), {}, {}};
  CHECK(outputs(false, 0, nullptr) == outputs(false, 0, &likely));
  for (const uint32_t step : {0u, 1u}) {
    const PolicySample drawn{gates_of(model->policy()->sample_binary(5, step, 0)), {}, {}};
    CHECK(outputs(true, step, nullptr) == outputs(true, step, &drawn));
  }
  CHECK(outputs(true, 0, nullptr) != outputs(true, 1, nullptr));
}

TEST_CASE("routing counts what is taken", "[models][routing]") {
  CpuContext cpu;
  const auto hard = make_model(&cpu, DType::f32, options_of(2, 2, Sharing::hard));
  const auto model = make_model(&cpu, DType::f32, options_of(2, 3));
  const ModelCost all = model->cost(65, 49, nullptr), one = hard->cost(65, 49, nullptr);
  CHECK(all.one_trunk_parameters == one.trunk_parameters);
  CHECK(all.trunk.dense == one.trunk.dense);
  const auto with = [&](const Routes& routes) {
    const Gates gates = gates_from(routes);
    return model->cost(65, 49, &gates);
  };
  const std::vector<int> first(8, 1), last(8, 3);
  std::vector<int> parts = first;  // at the last place: 32 channels on 9 x 7 pixels
  parts[7] = 2;
  CHECK(with({first, first}).trunk_parameters == one.trunk_parameters);
  CHECK(with({last, last}).trunk.dense == one.trunk.dense);
  constexpr int64_t weights = 2 * 9 * 32 * 32;
  CHECK(with({first, parts}).trunk_parameters - one.trunk_parameters == weights + 2 * 2 * 32);
  CHECK(with({first, parts}).trunk.dense - one.trunk.dense == weights * 9 * 7);
  // Apart from the first place on: all but the stem twice.
  const int64_t stem = hard->trunk().cost(65, 49).stem.dense;
  CHECK(with({first, last}).trunk.dense == 2 * one.trunk.dense - stem);
}

TEST_CASE("straight through, running statistics follow the function block that was drawn",
          "[models][routing]") {
  CpuContext cpu(2);
  ModelOptions options = options_of(2, 3);
  options.own_statistics = GENERATE(false, true);
  options.own_norm = options.own_statistics && GENERATE(false, true);
  std::vector<std::vector<std::vector<double>>> seen;
  for (const Estimator estimator : {Estimator::reinforce, Estimator::gumbel}) {
    options.share.estimator = estimator;
    const auto model = make_model(&cpu, DType::f64, options);
    Tape tape(&cpu);
    Pass pass{tape, true, Noise{3, 1}};
    const PolicySample sample = model->policy()->sample(pass, 2, false, 8);
    CHECK(sample.p.empty() == (estimator == Estimator::reinforce));
    model->forward(pass, tape.constant(picture()), &sample);
    seen.emplace_back();
    for (const NamedStats& s : model->store().stats()) {
      seen.back().push_back(s.stats.running_mean.to_vector());
      seen.back().push_back(s.stats.running_var.to_vector());
      seen.back().push_back({static_cast<double>(s.stats.num_batches_tracked)});
    }
  }
  REQUIRE(seen[0].size() == seen[1].size());
  for (size_t i = 0; i < seen[0].size(); ++i) check_close("statistics", seen[1][i], seen[0][i]);
}

TEST_CASE("routing refuses another trunk, and a router without a choice", "[models][routing]") {
  CpuContext cpu;
  ModelOptions mlp = options_of(2, 2);
  mlp.trunk.kind = TrunkOptions::Kind::mlp;
  CHECK(message_of<ConfigError>([&] { make_model(&cpu, DType::f32, mlp); }) ==
        "sharing: \"routing\" chooses among function blocks of a ResNet, and model.trunk is "
        "another; choose a resnet, or another sharing");
  for (const int functions : {1, 17})
    CHECK(message_of<ConfigError>([&] {
            make_model(&cpu, DType::f32, options_of(2, functions));
          }) == fmt::format("share.functions: is {}; a router chooses among 2 to 16", functions));
}
