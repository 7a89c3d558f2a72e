// SGD and Adam against naive loops in double and against PyTorch's rules worked out by hand;
// parameters without a gradient, resumed moments, threads, clipping and schedules.
#include <cmath>
#include <numeric>

#include "tests/support/op_check.h"
#include "train/step/optimizer.h"
#include "train/step/schedule.h"

namespace weft {
namespace {

Values wave(int64_t n, double phase) {
  Values v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i) + phase));
  return v;
}

Parameter parameter(int64_t n, DType dtype, const std::string& name = "w") {
  Parameter p;
  p.name = name;
  p.value = Tensor::from({n}, wave(n, 0.1), dtype);
  return p;
}

/// `steps` updates with gradients that change from step to step.
void train(Optimizer& optimizer, Parameter& p, int from, int to, double factor = 1) {
  for (int step = from; step < to; ++step) {
    p.grad = Tensor::from(p.value.shape(), wave(p.value.numel(), step), p.value.dtype());
    optimizer.step(factor);
  }
}

OptimizerOptions sgd(double momentum, double weight_decay) {
  OptimizerOptions o;
  o.algorithm = Algorithm::sgd;
  o.momentum = momentum;
  o.weight_decay = weight_decay;
  return o;
}

OptimizerOptions adam(double weight_decay) {
  OptimizerOptions o;
  o.beta1 = 0.5;
  o.weight_decay = weight_decay;
  return o;
}

/// The rules of torch.optim, one element at a time.
double naive(const OptimizerOptions& o, double lr, double p, size_t i, int steps) {
  double buffer = 0, m = 0, v = 0;
  for (int step = 0; step < steps; ++step) {
    const double g = wave(static_cast<int64_t>(i) + 1, step).back() + o.weight_decay * p;
    if (o.algorithm == Algorithm::sgd) {
      buffer = step == 0 ? g : o.momentum * buffer + g;
      p -= lr * buffer;
    } else {
      m = o.beta1 * m + (1 - o.beta1) * g;
      v = o.beta2 * v + (1 - o.beta2) * g * g;
      const double mean = m / (1 - std::pow(o.beta1, step + 1));
      const double square = v / (1 - std::pow(o.beta2, step + 1));
      p -= lr * mean / (std::sqrt(square) + o.eps);
    }
  }
  return p;
}

const std::vector<OptimizerOptions> all_options = {sgd(0, 0), sgd(0.9, 1e-4), adam(0), adam(5e-2)};

}  // namespace

TEST_CASE("optimizer: SGD and Adam against naive loops", "[train]") {
  for (const OptimizerOptions& options : all_options)
    for (const auto& [dtype, bound] : {std::pair{DType::f64, 1e-13}, std::pair{DType::f32, 2e-6}}) {
      CpuContext ctx(2);
      Parameter p = parameter(101, dtype);
      const Values start = p.value.to_vector();
      Optimizer optimizer(&ctx, {{{&p}, 0.02}}, options);
      train(optimizer, p, 0, 7, 0.5);
      const Values end = p.value.to_vector();
      for (size_t i = 0; i < end.size(); ++i)
        CHECK(std::abs(end[i] - naive(options, 0.01, start[i], i, 7)) < bound);
    }
}

TEST_CASE("optimizer: first steps worked out by hand", "[train]") {
  CpuContext ctx(1);
  const auto step = [&](const OptimizerOptions& options, int times) {
    Parameter p;
    p.value = Tensor::from({1}, {1.0}, DType::f64);
    Optimizer optimizer(&ctx, {{{&p}, 0.1}}, options);
    for (int i = 0; i < times; ++i) {
      p.grad = Tensor::from({1}, {0.5}, DType::f64);
      optimizer.step();
    }
    return p.value.item();
  };
  CHECK(std::abs(step(sgd(0.9, 0), 1) - 0.95) < 1e-15);            // b = 0.5
  CHECK(std::abs(step(sgd(0.9, 0), 2) - (0.95 - 0.095)) < 1e-15);  // b = 0.9 * 0.5 + 0.5
  CHECK(std::abs(step(sgd(0, 0.2), 1) - 0.93) < 1e-15);            // g = 0.5 + 0.2
  CHECK(std::abs(step(adam(0), 1) - 0.9) < 1e-8);                  // lr * g / |g|
  CHECK(std::abs(step(adam(0), 3) - 0.7) < 1e-7);
}

TEST_CASE("optimizer: a parameter without a gradient is left alone", "[train]") {
  CpuContext ctx(1);
  for (const OptimizerOptions& options : {sgd(0.9, 0.1), adam(0.1)}) {
    Parameter p = parameter(5, DType::f32), still = parameter(5, DType::f32, "still");
    Optimizer optimizer(&ctx, {{{&p, &still}, 0.1}}, options);
    const Values before = still.value.to_vector();
    train(optimizer, p, 0, 3);
    CHECK(still.value.to_vector() == before);
    CHECK(optimizer.state_of(still) == nullptr);
    CHECK(optimizer.state_of(p)->step == 3);
    // Without a gradient p rests, while the other's own count of steps starts.
    p.grad = Tensor();
    const Values rest = p.value.to_vector();
    train(optimizer, still, 0, 2);
    CHECK(p.value.to_vector() == rest);
    CHECK(optimizer.state_of(p)->step == 3);
    CHECK(optimizer.state_of(still)->step == 2);
  }
}

TEST_CASE("optimizer: groups have their own rates", "[train]") {
  CpuContext ctx(1);
  Parameter head = parameter(3, DType::f64), trunk = parameter(3, DType::f64, "trunk");
  Optimizer optimizer(&ctx, {{{&head}, 0.1}, {{&trunk}, 0.01}}, sgd(0, 0));
  head.grad = trunk.grad = Tensor::from({3}, {1, 1, 1}, DType::f64);
  const Values start = head.value.to_vector();
  optimizer.step();
  CHECK(std::abs(start[0] - head.value.to_vector()[0] - 0.1) < 1e-15);
  CHECK(std::abs(start[0] - trunk.value.to_vector()[0] - 0.01) < 1e-15);
  CHECK(optimizer.parameters() == std::vector<Parameter*>{&head, &trunk});
}

TEST_CASE("optimizer: resumed moments go on bit for bit, on any number of threads", "[train]") {
  const int64_t n = 3 * pointwise_chunk + 17;
  for (const OptimizerOptions& options : all_options) {
    CpuContext one(1), seven(7);
    Parameter whole = parameter(n, DType::f32), resumed = parameter(n, DType::f32);
    Optimizer through(&one, {{{&whole}, 0.01}}, options);
    train(through, whole, 0, 4);
    Optimizer before(&seven, {{{&resumed}, 0.01}}, options);
    train(before, resumed, 0, 2);
    Optimizer after(&seven, {{{&resumed}, 0.01}}, options);
    after.set_state(resumed, *before.state_of(resumed));
    train(after, resumed, 2, 4);
    CHECK(same_bits(whole.value, resumed.value));
    REQUIRE(after.moment_names().size() == after.state_of(resumed)->moments.size());
    for (size_t i = 0; i < after.moment_names().size(); ++i)
      CHECK(same_bits(through.state_of(whole)->moments[i], after.state_of(resumed)->moments[i]));
  }
  CpuContext ctx(1);
  CHECK(Optimizer(&ctx, {}, adam(0)).moment_names() ==
        std::vector<std::string>{"exp_avg", "exp_avg_sq"});
  CHECK(Optimizer(&ctx, {}, sgd(0.9, 0)).moment_names() ==
        std::vector<std::string>{"momentum_buffer"});
}

TEST_CASE("optimizer: clip_grad_norm", "[train]") {
  CpuContext ctx(2);
  Parameter a = parameter(2, DType::f32), b = parameter(1, DType::f32),
            none = parameter(4, DType::f32);
  const auto set = [&] {
    a.grad = Tensor::from({2}, {3, 0});
    b.grad = Tensor::from({1}, {4});
  };
  set();
  CHECK(clip_grad_norm(&ctx, {&a, &none, &b}, 10) == 5);
  CHECK(a.grad.to_vector() == Values{3, 0});
  CHECK(clip_grad_norm(&ctx, {&a, &none, &b}, 2.5) == 5);
  const double factor = 2.5 / (5 + 1e-6);  // PyTorch's
  CHECK(std::abs(a.grad.to_vector()[0] - 3 * factor) < 1e-7);
  CHECK(a.grad.to_vector()[1] == 0);
  CHECK(std::abs(b.grad.to_vector()[0] - 4 * factor) < 2e-7);
  CHECK_FALSE(none.grad.defined());
  // One tensor that two parameters hold is not scaled twice.
  Parameter c = parameter(2, DType::f32);
  set();
  c.grad = a.grad;
  clip_grad_norm(&ctx, {&a, &c}, 0.5 * std::sqrt(18.0));
  CHECK(std::abs(a.grad.to_vector()[0] - 1.5) < 1e-6);
  CHECK(std::abs(c.grad.to_vector()[0] - 1.5) < 1e-6);
  // The norm of a long gradient is the same on any number of threads.
  Parameter wide = parameter(3, DType::f32);
  wide.grad = Tensor::from({100003}, wave(100003, 0));
  CpuContext one(1), seven(7);
  const double norm = clip_grad_norm(&one, {&wide}, 1e9);
  CHECK(norm == clip_grad_norm(&seven, {&wide}, 1e9));
  const Values g = wide.grad.to_vector();
  CHECK(std::abs(norm - std::sqrt(std::inner_product(g.begin(), g.end(), g.begin(), 0.0))) < 1e-8);
}

TEST_CASE("schedule: factors as functions of the step", "[train]") {
  const int64_t steps = 100;
  ScheduleSpec spec;
  CHECK(schedule_factor(spec, 0, steps) == 1);
  CHECK(schedule_factor(spec, 99, steps) == 1);

  spec = {.kind = ScheduleKind::step, .every = 40, .factor = 0.5};
  CHECK(schedule_factor(spec, 39, steps) == 1);
  CHECK(schedule_factor(spec, 40, steps) == 0.5);
  CHECK(schedule_factor(spec, 80, steps) == 0.25);

  spec = {.kind = ScheduleKind::cosine};
  CHECK(schedule_factor(spec, 0, steps) == 1);
  CHECK(std::abs(schedule_factor(spec, 50, steps) - 0.5) < 1e-15);
  CHECK(std::abs(schedule_factor(spec, 25, steps) - 0.5 * (1 + std::sqrt(0.5))) < 1e-15);
  CHECK(schedule_factor(spec, 100, steps) == 0);

  spec = {.kind = ScheduleKind::poly, .power = 0.9};
  CHECK(schedule_factor(spec, 0, steps) == 1);
  CHECK(std::abs(schedule_factor(spec, 75, steps) - std::pow(0.25, 0.9)) < 1e-15);
  CHECK(schedule_factor(spec, 100, steps) == 0);

  spec = {.kind = ScheduleKind::constant, .warmup = 4};
  for (int64_t s = 0; s < 4; ++s)
    CHECK(schedule_factor(spec, s, steps) == 0.25 * static_cast<double>(s + 1));
  CHECK(schedule_factor(spec, 4, steps) == 1);
}

}  // namespace weft
