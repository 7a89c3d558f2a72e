// Batch norm of each task's own, in a planned step: the numbers of K naive passes, each written
// out block by block with its task's set. Values, gradients and every running statistic, in f64,
// for shared and separate images, own statistics alone and own weights too, training and
// evaluation.
#include <cmath>
#include <memory>
#include <span>

#include "models/execute.h"
#include "models/resnet.h"
#include "ops/concat.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "tests/support/catch.h"

using namespace weft;

namespace {

constexpr int tasks = 3;
constexpr int64_t images = 2;

Tensor random_tensor(const Shape& shape, const std::string& name, double mean = 0) {
  const Philox words(7, Stream::data, 0, name);
  std::vector<double> v;
  for (int64_t i = 0; i < shape.numel(); ++i)
    v.push_back(mean + words.normal(static_cast<uint64_t>(i)));
  return Tensor::from(shape, v, DType::f64);
}

struct Case {
  bool affine, separate, training;
};

/// A slim net whose batch norms differ from task to task in all they hold.
struct Net {
  explicit Net(bool affine)
      : trunk(make_resnet(store, "",
                          {.depth = 18, .width = 0.05, .norm = {{"a", "b", "c"}, affine}}, 3)) {
    for (Parameter& p : store.parameters())
      if (p.value.shape().rank() == 1) cpu.copy(p.value, random_tensor(p.value.shape(), p.name, 1));
    for (NamedStats& s : store.stats()) {
      cpu.copy(s.stats.running_mean, random_tensor(s.stats.running_mean.shape(), s.name));
      for (double& v : std::span(s.stats.running_var.data<double>(),
                                 static_cast<size_t>(s.stats.running_var.numel())))
        v = 0.5 + std::abs(s.stats.running_mean.data<double>()[0]);
    }
  }
  CpuContext cpu{2};
  ParameterStore store{&cpu, DType::f64};
  std::unique_ptr<Trunk> trunk;
};

Gates random_gates(int trial, int blocks) {
  const Philox words(11, Stream::policy, static_cast<uint32_t>(trial), "gates");
  Gates gates = all_selected(tasks, blocks);
  for (int k = 0; k < tasks; ++k)
    for (int l = trial % blocks; l < blocks; ++l)
      gates[static_cast<size_t>(k)][static_cast<size_t>(l)].kind =
          std::array{Gate::Kind::select, Gate::Kind::skip,
                     Gate::Kind::soft}[words.below(static_cast<uint64_t>(k * blocks + l), 3)];
  return gates;
}

Tensor gate_values(int task, int blocks) {
  const Philox words(5, Stream::policy, 0, "p");
  std::vector<double> p;
  for (int l = 0; l < blocks; ++l) {
    const double s = words.uniform(static_cast<uint64_t>(task * 100 + l));
    p.insert(p.end(), {s, 1 - s});
  }
  return Tensor::from({blocks, 2}, p, DType::f64);
}

Tensor image_of(const Case& c, int task) {
  return random_tensor({images, 17, 19, 3}, c.separate ? fmt::format("image{}", task) : "image");
}

Var loss_of(const Var& y, int task) {
  return sum(y * y.tape().constant(random_tensor(y.shape(), fmt::format("w{}", task))));
}

/// One task alone, by the definition: x' = f p_0 + r p_1 with f = ReLU(r + F(x)).
std::vector<Tensor> naive(Net& net, const Case& c, const Gates& gates, int task) {
  Tape tape(&net.cpu);
  Pass pass{tape, c.training, Noise{1, 1}, true, {{task}}};
  const int blocks = net.trunk->blocks();
  const Var p = tape.leaf(gate_values(task, blocks));
  Var x = net.trunk->stem(pass, tape.constant(image_of(c, task)));
  for (int l = 0; l < blocks; ++l) {
    const Gate gate = gates[static_cast<size_t>(task)][static_cast<size_t>(l)];
    const Var r = net.trunk->shortcut(pass, l, x);
    if (gate.kind == Gate::Kind::skip) {
      x = r;
      continue;
    }
    const Var f = net.trunk->residual(pass, l, x, r);
    const auto p_of = [&](int column) {
      return reshape(slice(slice(p, 0, l, 1), 1, column, 1), {1, 1, 1, 1});
    };
    x = gate.kind == Gate::Kind::select ? f : add(mul(f, p_of(0)), mul(r, p_of(1)));
  }
  tape.backward(loss_of(x, task));
  return {x.value(), tape.grad(p)};
}

/// All tasks in one planned pass: their features, then the gradients of their gates.
std::vector<Tensor> planned(Net& net, const Case& c, const Gates& gates) {
  Tape tape(&net.cpu);
  Pass pass{tape, c.training, Noise{1, 1}};
  std::vector<Var> p, own;
  for (int k = 0; k < tasks; ++k) {
    p.push_back(tape.leaf(gate_values(k, net.trunk->blocks())));
    own.push_back(tape.constant(image_of(c, k)));
  }
  const bool apart = c.separate || c.affine || !c.training;
  const Var stack = apart ? concat(own, 0) : own[0];
  const Features features = run_trunk(pass, *net.trunk, make_plan(gates, apart), p, stack);
  std::vector<Tensor> out;
  Var loss;
  for (int k = 0; k < tasks; ++k) {
    const Var y = features.of_task(k);
    out.push_back(y.value());
    const Var term = loss_of(y, k);
    loss = k == 0 ? term : add(loss, term);
  }
  tape.backward(loss);
  for (const Var& v : p) out.push_back(tape.grad(v));
  return out;
}

double apart(const Tensor& a, const Tensor& b) {
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

}  // namespace

TEST_CASE("a planned step with batch norm per task equals K naive passes", "[models][plan]") {
  for (int trial = 0; trial < 48; ++trial) {
    const Case c{trial % 2 == 0, trial % 4 < 2, trial % 3 != 0};
    Net together(c.affine), alone(c.affine);
    const Gates gates = random_gates(trial, together.trunk->blocks());
    const auto all = planned(together, c, gates);
    double worst = 0;
    for (int k = 0; k < tasks; ++k) {
      const auto one = naive(alone, c, gates, k);
      worst = std::max(worst, apart(all[static_cast<size_t>(k)], one[0]));
      worst = std::max(worst, apart(all[static_cast<size_t>(tasks + k)], one[1]));
    }
    for (size_t i = 0; i < together.store.parameters().size(); ++i)
      worst = std::max(
          worst, apart(together.store.parameters()[i].grad, alone.store.parameters()[i].grad));
    for (size_t i = 0; i < together.store.stats().size(); ++i) {
      const NamedStats &a = together.store.stats()[i], &b = alone.store.stats()[i];
      worst = std::max(worst, apart(a.stats.running_mean, b.stats.running_mean));
      worst = std::max(worst, apart(a.stats.running_var, b.stats.running_var));
      CHECK(a.stats.num_batches_tracked == b.stats.num_batches_tracked);
    }
    INFO("trial " << trial << ": affine " << c.affine << ", separate " << c.separate
                  << ", training " << c.training);
    CHECK(worst < 1e-11);
  }
}

TEST_CASE("batch norm per task: what files call its sets", "[models]") {
  CpuContext cpu;
  ParameterStore all(&cpu, DType::f32), running(&cpu, DType::f32), own(&cpu, DType::f32);
  BatchNorm(all, "bn1", 4);
  BatchNorm(running, "bn1", 4, {{"seg", "depth"}, false});
  BatchNorm(own, "bn1", 4, {{"seg", "depth"}, true});
  CHECK((all.find("bn1.weight") != nullptr && all.stats()[0].name == "bn1"));
  CHECK((running.parameters().size() == 2 && running.find("bn1.bias") != nullptr));
  CHECK((running.stats().size() == 2 && running.stats()[1].name == "bn1.depth"));
  CHECK((own.parameters().size() == 4 && own.find("bn1.depth.weight") != nullptr));
  CHECK((own.stats().size() == 2 && own.stats()[0].name == "bn1.seg"));
}
