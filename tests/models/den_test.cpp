// DEN's network: blocks at a level are undivided blocks whose other inner channels are cut away;
// tasks at levels of their own are plain loops, with gradients; what nobody executes is neither
// computed nor updated; straight through, every level has its gradient; and what is counted.
#include "models/channel_policy.h"
#include "models/sharing/sharing.h"
#include "tests/models/naive_choices.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int64_t height = 17, width = 14;
using Levels = Choices;

ModelOptions options_of(Sharing sharing, size_t tasks, int depth = 18) {
  ModelOptions o;
  o.sharing = sharing;
  o.trunk.depth = depth;
  o.trunk.width = 0.0625;
  o.head.aspp = false;
  o.tasks = {{"seg", 3}, {"depth", 1}};
  if (tasks == 3) o.tasks.push_back({"normals", 2});
  o.seed = 7;
  return o;
}

Tensor picture(int64_t n = 2) {
  return Tensor::from({n, height, width, 3}, noise("image", n * height * width * 3, -1, 1),
                      DType::f64);
}

std::vector<std::vector<double>> predictions(Model& model, const PolicySample* sample) {
  CpuContext cpu(2);
  Tape tape(&cpu, Tape::Mode::no_grad);
  Pass pass{tape, true, Noise{}};
  std::vector<std::vector<double>> out;
  for (const Var& y : model.forward(pass, tape.constant(picture()), sample))
    out.push_back(y.value().to_vector());
  return out;
}

/// Some of every level, of all blocks.
Levels mixed_levels(size_t tasks, int blocks) {
  Levels levels(tasks);
  for (size_t k = 0; k < tasks; ++k)
    for (int l = 0; l < blocks; ++l)
      levels[k].push_back((l * l + 2 * static_cast<int>(k) * (l / 2) + 3) % 4);
  return levels;
}

}  // namespace

TEST_CASE("a level is the undivided block without its other inner channels", "[models][den]") {
  const int depth = GENERATE(18, 50);
  const int level = GENERATE(1, 2, 3);
  INFO("ResNet-" << depth << " at level " << level);
  CpuContext cpu(2);
  const auto whole = make_model(&cpu, DType::f64, options_of(Sharing::hard, 2, depth));
  const auto groups = make_model(&cpu, DType::f64, options_of(Sharing::den, 2, depth));
  for (Parameter& p : whole->store().parameters()) {
    const bool second = p.name.find(".conv2.") != std::string::npos;
    const bool third = p.name.find(".conv3.") != std::string::npos;
    if (!second && !third) continue;  // they read inner channels
    const int64_t inner = p.value.shape()[3];
    double* w = p.value.data<double>();
    for (int64_t i = 0; i < p.value.numel(); ++i)
      if (i % inner >= channels_at(inner, level)) w[i] = 0;
  }
  const PolicySample sample =
      sample_of(Levels(2, std::vector<int>(static_cast<size_t>(groups->trunk().blocks()), level)));
  const auto expected = predictions(*whole, nullptr), found = predictions(*groups, &sample);
  for (size_t k = 0; k < 2; ++k) check_close("task " + std::to_string(k), found[k], expected[k]);
}

TEST_CASE("warm-up is hard sharing, from the same numbers on", "[models][den]") {
  CpuContext cpu(2);
  const auto whole = make_model(&cpu, DType::f64, options_of(Sharing::hard, 3));
  const auto groups = make_model(&cpu, DType::f64, options_of(Sharing::den, 3));
  const auto expected = predictions(*whole, nullptr), found = predictions(*groups, nullptr);
  for (size_t k = 0; k < 3; ++k) check_close("task " + std::to_string(k), found[k], expected[k]);
}

TEST_CASE("tasks at levels of their own are plain loops: values and gradients", "[models][den]") {
  const size_t tasks = GENERATE(2, 3);
  const bool soft = GENERATE(false, true);  // p [L, 4], as straight-through Gumbel hands over
  INFO(tasks << " tasks, " << (soft ? "every level" : "levels"));
  const ModelOptions options = options_of(Sharing::den, tasks);
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  randomise(*model);
  const int blocks = model->trunk().blocks();
  const Levels levels = mixed_levels(tasks, blocks);
  const auto gradients_of = check_as_loops(
      *model, options, picture(), levels, all_channels + 1, [](int level) { return 3 - level; },
      soft);
  size_t absent = 0;
  for (const Parameter& p : model->store().parameters()) {
    if (model->store().part_of(p) == Part::policy) continue;
    const std::vector<double>& expected = gradients_of.at(p.name);
    if (p.grad.defined()) {
      check_close(p.name, p.grad.to_vector(), expected);
      continue;
    }
    ++absent;  // not executed by any task: not a gradient of zero, but none
    for (double g : expected) CHECK(g == 0);
  }
  CHECK((absent == 0) == soft);
}

TEST_CASE("tasks of one input and one level are computed once", "[models][den]") {
  // Both begin at 50 %, part at the second block, and never meet again.
  const Plan plan = make_plan(gates_from({{2, 1, 3, 0}, {2, 3, 3, 0}, {2, 1, 3, 2}}));
  CHECK(plan.blocks[0].levels == std::vector<int>{2});
  CHECK(plan.blocks[1].run == std::vector<int>{0, 0});
  CHECK(plan.blocks[1].levels == std::vector<int>{1, 3});
  CHECK(plan.blocks[2].run == std::vector<int>{0, 1});
  CHECK(plan.blocks[3].levels == std::vector<int>{2});
  CHECK(plan.out == Groups{{0}, {1}, {2}});
}

TEST_CASE("DEN counts what is executed", "[models][den]") {
  CpuContext cpu;
  const auto hard = make_model(&cpu, DType::f32, options_of(Sharing::hard, 2));
  const auto model = make_model(&cpu, DType::f32, options_of(Sharing::den, 2));
  const ModelCost all = model->cost(65, 49, nullptr), one = hard->cost(65, 49, nullptr);
  CHECK(all.trunk_parameters == one.trunk_parameters);
  CHECK(all.trunk.dense == one.trunk.dense);
  CHECK(all.trunk.useful == one.trunk.useful);
  const auto with = [&](const Levels& levels) {
    const Gates gates = gates_from(levels);
    return model->cost(65, 49, &gates);
  };
  // layer1.1: 4 channels on 17 x 13 pixels; m inner channels are 2 x 9 x 4 m weights.
  const std::vector<int> whole(8, 3);
  for (int level : {0, 1, 2, 3}) {
    const int64_t m = level == 3 ? 4 : level;
    std::vector<int> less = whole;
    less[1] = level;
    const ModelCost cost = with({less, less});
    CHECK(all.trunk.dense - cost.trunk.dense == 2 * 9 * 4 * (4 - m) * 17 * 13);
    // And a batch norm of m; at 0 the one behind them goes too.
    CHECK(all.trunk_parameters - cost.trunk_parameters ==
          2 * 9 * 4 * (4 - m) + 2 * (4 - m) + (level == 0 ? 2 * 4 : 0));
    CHECK(cost.one_trunk_parameters == all.one_trunk_parameters);
    CHECK(with({less, whole}).trunk_parameters == all.trunk_parameters);
  }
}

TEST_CASE("straight through, running statistics follow the level that was drawn", "[models][den]") {
  CpuContext cpu(2);
  ModelOptions options = options_of(Sharing::den, 2);
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

TEST_CASE("DEN on another trunk is refused by name", "[models][den]") {
  CpuContext cpu;
  ModelOptions mlp = options_of(Sharing::den, 2);
  mlp.trunk.kind = TrunkOptions::Kind::mlp;
  CHECK(message_of<ConfigError>([&] { make_model(&cpu, DType::f32, mlp); }) ==
        "sharing: \"den\" divides the inner channels of a ResNet's blocks, and model.trunk is "
        "another; choose a resnet, or another sharing");
}
