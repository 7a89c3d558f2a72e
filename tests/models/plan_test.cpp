// The plan of a multi-task step gives the numbers of K naive passes: values, gradients and running
// statistics, in f64, over random policies, every curriculum stage, training and evaluation.
#include "models/plan.h"

#include <cmath>
#include <memory>

#include "engine/philox.h"
#include "models/execute.h"
#include "models/resnet.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/catch.h"
#include "tests/support/sanitized.h"

using namespace weft;

namespace {

constexpr int tasks = 3;
constexpr int64_t images = 2;

double noise(const char* name, int64_t i) {
  return Philox(7, Stream::data, 0, name).normal(static_cast<uint64_t>(i));
}

Tensor random_tensor(const Shape& shape, const char* name) {
  std::vector<double> v(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = noise(name, static_cast<int64_t>(i));
  return Tensor::from(shape, v, DType::f64);
}

struct Net {
  CpuContext cpu{2};
  ParameterStore store{&cpu, DType::f64};
  std::unique_ptr<Trunk> trunk = make_resnet(store, "", {.depth = 18, .width = 0.05}, 3);
};

/// Gates of one trial: the last `active` blocks are random, the others selected.
Gates random_gates(int trial, int blocks, int active) {
  const Philox words(11, Stream::policy, static_cast<uint32_t>(trial), "gates");
  Gates gates = all_selected(tasks, blocks);
  const bool soft = trial % 2 == 0;
  for (int k = 0; k < tasks; ++k)
    for (int l = blocks - active; l < blocks; ++l) {
      const auto kind = words.below(static_cast<uint64_t>(k * blocks + l), soft ? 3 : 2);
      gates[static_cast<size_t>(k)][static_cast<size_t>(l)].kind =
          std::array{Gate::Kind::select, Gate::Kind::skip, Gate::Kind::soft}[kind];
    }
  return gates;
}

Tensor gate_values(int task, int blocks) {
  std::vector<double> p;
  for (int l = 0; l < blocks; ++l) {
    const double s = 1 / (1 + std::exp(-noise("p", task * 100 + l)));
    p.insert(p.end(), {s, 1 - s});
  }
  return Tensor::from({blocks, 2}, p, DType::f64);
}

/// One planned pass over some of the tasks; gradients and statistics add up in `net`. Returns the
/// features and the gradients of p, task by task.
std::vector<Tensor> run_tasks(Net& net, const std::vector<int>& which, const Gates& gates,
                              bool training) {
  Tape tape(&net.cpu);
  Pass pass{tape, training, Noise{1, 1}};
  Gates chosen;
  std::vector<Var> p;
  for (int k : which) {
    chosen.push_back(gates[static_cast<size_t>(k)]);
    p.push_back(tape.leaf(gate_values(k, net.trunk->blocks())));
  }
  const Var x = tape.constant(random_tensor({images, 17, 19, 3}, "image"));
  const Features features = run_trunk(pass, *net.trunk, make_plan(chosen), p, x);
  std::vector<Tensor> out;
  Var loss;
  for (size_t i = 0; i < which.size(); ++i) {
    const Var y = features.of_task(static_cast<int>(i));
    out.push_back(y.value());
    const Var w = tape.constant(random_tensor(y.shape(), which[i] == 0 ? "w0" : "w1"));
    const Var term = sum(mul(y, w));
    loss = i == 0 ? term : add(loss, term);
  }
  tape.backward(loss);
  for (const Var& v : p) out.push_back(tape.grad(v));
  return out;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.defined() == b.defined());
  if (!a.defined()) return 0;
  REQUIRE(a.shape() == b.shape());
  const auto x = a.to_vector(), y = b.to_vector();
  double most = 0, size = 1;
  for (size_t i = 0; i < x.size(); ++i) {
    most = std::max(most, std::abs(x[i] - y[i]));
    size = std::max(size, std::abs(y[i]));
  }
  return most / size;
}

void check_plan_equals_naive(int trial, int active, bool training) {
  Net planned, naive;
  const Gates gates = random_gates(trial, planned.trunk->blocks(), active);
  const auto together = run_tasks(planned, {0, 1, 2}, gates, training);
  double worst = 0;
  for (int k = 0; k < tasks; ++k) {
    const auto alone = run_tasks(naive, {k}, gates, training);
    worst = std::max(worst, largest_difference(together[static_cast<size_t>(k)], alone[0]));
    worst = std::max(worst, largest_difference(together[static_cast<size_t>(tasks + k)], alone[1]));
  }
  for (size_t i = 0; i < planned.store.parameters().size(); ++i)
    worst = std::max(worst, largest_difference(planned.store.parameters()[i].grad,
                                               naive.store.parameters()[i].grad));
  for (size_t i = 0; i < planned.store.stats().size(); ++i) {
    const BatchNormStats &a = planned.store.stats()[i].stats, &b = naive.store.stats()[i].stats;
    worst = std::max(worst, largest_difference(a.running_mean, b.running_mean));
    worst = std::max(worst, largest_difference(a.running_var, b.running_var));
    REQUIRE(a.num_batches_tracked == b.num_batches_tracked);
  }
  INFO("trial " << trial << ", last " << active << " blocks gated, "
                << (training ? "training" : "evaluation"));
  REQUIRE(worst < 1e-11);
}

}  // namespace

TEST_CASE("plan: gradients of each task cost as much more as tasks share what runs", "[models]") {
  Net net;
  const TrunkCost cost = net.trunk->cost(33, 33);
  const int blocks = net.trunk->blocks();
  const auto factor = [&](const Gates& gates) {
    const Plan plan = make_plan(gates);
    return static_cast<double>(plan.macs(cost, true).dense) /
           static_cast<double>(plan.macs(cost).dense);
  };
  CHECK(factor(all_selected(tasks, blocks)) == tasks);
  CHECK(factor(all_selected(1, blocks)) == 1);
  // Task 0 skips block 1: behind it two streams run, one of one task and one of two.
  Gates gates = all_selected(tasks, blocks);
  gates[0][1].kind = Gate::Kind::skip;
  double apart = 3 * static_cast<double>(cost.stem.dense), plain = apart / 3;
  for (int l = 0; l < blocks; ++l) {
    const auto residual = static_cast<double>(cost.residual[static_cast<size_t>(l)].dense);
    const auto shortcut = static_cast<double>(cost.shortcut[static_cast<size_t>(l)].dense);
    apart += (l == 1 ? 2 : 3) * residual + 3 * shortcut;
    plain += (l <= 1 ? 1 : 2) * (residual + shortcut);
  }
  CHECK(std::abs(factor(gates) - apart / plain) < 1e-12);
}

TEST_CASE("a planned step equals K naive passes over 200 random policies and all curriculum stages",
          "[models][plan]") {
  for (int trial = 0; trial < test::cases(200, 32); ++trial)
    check_plan_equals_naive(trial, trial % 8 + 1, trial % 3 != 0);
}

TEST_CASE("a plan runs what tasks have in common once", "[models][plan]") {
  // Two tasks, four blocks: both run block 0; then one skips, and their ways part.
  const Plan plan = make_plan(gates_from({{1, 1, 1, 0}, {1, 0, 1, 0}}));
  REQUIRE(plan.blocks[0].run.size() == 1);
  REQUIRE(plan.blocks[1].run.size() == 1);
  REQUIRE(plan.blocks[1].rows.size() == 2);
  REQUIRE(plan.blocks[2].run.size() == 2);
  REQUIRE(plan.blocks[3].run.empty());
  REQUIRE(plan.runs() == 4);
  REQUIRE(plan.blocks[1].run_tasks() == Groups{{0}});
  REQUIRE(plan.out == Groups{{0}, {1}});
}

TEST_CASE("tasks with equal policies stay one value to the end", "[models][plan]") {
  const Plan plan = make_plan(gates_from({{1, 0, 1}, {1, 0, 1}, {1, 0, 1}}));
  REQUIRE(plan.runs() == 2);
  REQUIRE(plan.out == Groups{{0, 1, 2}});
}

TEST_CASE("separate inputs share no value, and run as one batched call", "[models][plan]") {
  const Plan plan = make_plan(all_selected(2, 3), /*separate_inputs=*/true);
  REQUIRE(plan.runs() == 6);
  REQUIRE(plan.blocks[0].run.size() == 2);
}
