// REINFORCE: its mean over all outcomes of two blocks of four levels is the exact gradient, for any
// baseline; 20,000 draws are unbiased; a running mean lowers the variance; and baselines outlive a
// file.
#include "models/reinforce.h"

#include <cmath>

#include "ops/gumbel_softmax.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/softmax.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using test::message_of;

namespace {

const std::vector<double> logits{0.3, -0.2, 0.9, 0.1, -0.4, 0.6, 0.0, 0.2};

/// No product of something of each block, far from 0.
double cost_of(size_t a, size_t b) {
  return 7 + std::sin(1.0 + 3.0 * static_cast<double>(a)) + 0.5 * static_cast<double>((a * b) % 3) -
         0.25 * static_cast<double>(b);
}

std::vector<double> softmax_of(const double* u) {
  std::vector<double> p;
  double sum = 0;
  for (int i = 0; i < 4; ++i) p.push_back(std::exp(u[i])), sum += p.back();
  for (double& v : p) v /= sum;
  return p;
}

/// d E[C] / du in plain loops.
std::vector<double> exact() {
  const std::vector<double> p = softmax_of(logits.data()), q = softmax_of(logits.data() + 4);
  std::vector<double> d(8, 0.0);
  for (size_t a = 0; a < 4; ++a)
    for (size_t b = 0; b < 4; ++b)
      for (size_t i = 0; i < 4; ++i) {
        d[i] += p[a] * q[b] * cost_of(a, b) * ((a == i) - p[i]);
        d[4 + i] += p[a] * q[b] * cost_of(a, b) * ((b == i) - q[i]);
      }
  return d;
}

struct Actor {
  CpuContext cpu{1};
  ParameterStore store{&cpu, DType::f64};
  Reinforce reinforce{store, "policy.baseline", 1, 0.5};

  std::vector<double> estimate(size_t a, size_t b) {
    Tape tape(&cpu);
    const Var u = tape.leaf(Tensor::from({2, 4}, logits, DType::f64));
    std::vector<double> chosen(8, 0.0);
    chosen[a] = chosen[4 + b] = 1;
    const Var drawn = tape.constant(Tensor::from({2, 4}, chosen, DType::f64));
    const Var cost = tape.constant(Tensor::from({}, {cost_of(a, b)}, DType::f64));
    tape.backward(reinforce.surrogate(0, cost, sum(mul(drawn, log_softmax(u)))));
    return tape.grad(u).to_vector();
  }
};

}  // namespace

TEST_CASE("REINFORCE over all outcomes is the exact gradient, whatever the baseline",
          "[models][reinforce]") {
  const double baseline = GENERATE(0.0, 7.5, -3.0);
  Actor actor;
  actor.reinforce.learn({baseline});
  const std::vector<double> p = softmax_of(logits.data()), q = softmax_of(logits.data() + 4);
  std::vector<double> mean(8, 0.0);
  for (size_t a = 0; a < 4; ++a)
    for (size_t b = 0; b < 4; ++b) {
      const std::vector<double> g = actor.estimate(a, b);
      for (size_t i = 0; i < 8; ++i) mean[i] += p[a] * q[b] * g[i];
    }
  const std::vector<double> expected = exact();
  for (size_t i = 0; i < 8; ++i) CHECK(std::abs(mean[i] - expected[i]) < 1e-12);
}

TEST_CASE("20,000 draws are unbiased, and a running mean lowers their variance",
          "[models][reinforce]") {
  constexpr int draws = 20000;
  const std::vector<double> expected = exact();
  const Tensor host = Tensor::from({2, 4}, logits, DType::f64);
  double variance[2] = {0, 0};
  for (const bool centred : {false, true}) {
    Actor actor;
    actor.reinforce.learn({0.0});  // a baseline of 0: the step before has cost nothing
    std::vector<double> mean(8, 0.0), square(8, 0.0);
    for (int i = 0; i < draws; ++i) {
      const std::vector<double> z =
          gumbel_sample(host, 1, true, {1, static_cast<uint32_t>(i)}, "policy.seg").to_vector();
      const auto at = [&](size_t from) {
        size_t c = 0;
        while (z[from + c] != 1) ++c;
        return c;
      };
      const std::vector<double> g = actor.estimate(at(0), at(4));
      if (centred) actor.reinforce.learn({cost_of(at(0), at(4))});
      for (size_t j = 0; j < 8; ++j) mean[j] += g[j] / draws, square[j] += g[j] * g[j] / draws;
    }
    for (size_t j = 0; j < 8; ++j) {
      const double v = square[j] - mean[j] * mean[j];
      variance[centred] += v;
      CHECK(std::abs(mean[j] - expected[j]) < 4 * std::sqrt(v / draws));
    }
  }
  CHECK(variance[1] < 0.1 * variance[0]);
}

TEST_CASE("a first cost has nothing to be held against; baselines then follow the costs",
          "[models][reinforce]") {
  Actor actor;
  CHECK(!actor.reinforce.baseline(0));
  for (double g : actor.estimate(1, 2)) CHECK(g == 0);
  actor.reinforce.learn({std::nullopt});  // no label, no cost
  CHECK(!actor.reinforce.baseline(0));
  actor.reinforce.learn({4.0});
  CHECK(actor.reinforce.baseline(0) == 4.0);
  actor.reinforce.learn({8.0});
  CHECK(actor.reinforce.baseline(0) == 6.0);
  // What a checkpoint keeps is the whole of it.
  CpuContext cpu;
  ParameterStore store(&cpu, DType::f64);
  Reinforce read(store, "policy.baseline", 1, 0.5);
  CHECK(!read.baseline(0));
  store.find("policy.baseline")->value = actor.store.find("policy.baseline")->value;
  read.changed();
  CHECK(read.baseline(0) == 6.0);
  CHECK(store.part_of(*store.find("policy.baseline")) == Part::policy);
}

TEST_CASE("REINFORCE refuses what is not one number, and a memory out of [0, 1)",
          "[models][reinforce]") {
  Actor actor;
  Tape tape(&actor.cpu);
  const Var two = tape.constant(Tensor::from({2}, {1, 2}, DType::f64));
  CHECK(message_of<ShapeError>([&] {
          actor.reinforce.surrogate(0, two, two);
        }).find("policy.baseline: a cost and a log probability are one number each") == 0);
  CHECK(message_of<ConfigError>([&] { Reinforce(actor.store, "again", 1, 1.0); }) ==
        "again: the memory is 1; it is in [0, 1)");
}
