// Gumbel-softmax: the soft sample against a naive loop, the straight-through gradient, tiny
// temperatures, the host's copy of a sample, and the noise's distribution.
#include <cmath>

#include "ops/gumbel_softmax.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

constexpr Noise noise{7, 3};

Values naive_soft(const Shape& shape, const Values& logits, double tau) {
  const Philox philox(noise.seed, Stream::gumbel, noise.step, "policy.seg");
  Values y(logits.size());
  for (size_t i = 0; i < y.size(); ++i)
    y[i] = std::exp((logits[i] - std::log(-std::log(philox.uniform(i)))) / tau);
  const size_t width = static_cast<size_t>(shape.back());
  for (size_t row = 0; row < y.size(); row += width) {
    double sum = 0;
    for (size_t j = 0; j < width; ++j) sum += y[row + j];
    for (size_t j = 0; j < width; ++j) y[row + j] /= sum;
  }
  return y;
}

Var sample(const Var& logits, double tau, bool hard) {
  return gumbel_softmax(logits, tau, hard, noise, "policy.seg");
}

}  // namespace

TEST_CASE("gumbel_softmax: soft samples", "[ops]") {
  for (const Shape& shape : std::vector<Shape>{{16, 2}, {1}, {0, 2}, {5, 3, 7}, {1021, 2}})
    for (double tau : {5.0, 0.7})
      op_check({.name = fmt::format("gumbel_softmax {} tau {}", shape, tau),
                .inputs = {shape},
                .op = [=](const auto& x) { return sample(x[0], tau, false); },
                .naive = [=](const auto& in) { return naive_soft(shape, in[0], tau); },
                .reduction = shape.back()});
}

TEST_CASE("gumbel_softmax: hard samples are one-hot with the soft gradient", "[ops]") {
  const Values logits = {0.5, 0.5, 2, -1, -3, 3, 0, 0.1};
  const Tensor seed = Tensor::from({4, 2}, {1, -2, 0.5, 3, 1, 1, -1, 4});
  CpuContext ctx(2);
  const auto run = [&](double tau, bool hard) {
    Tape tape(&ctx);
    const Var x = tape.leaf(Tensor::from({4, 2}, logits));
    const Var y = sample(x, tau, hard);
    tape.backward(y, seed);
    return std::pair{y.value(), tape.grad(x)};
  };
  const auto [soft, soft_grad] = run(0.9, false);
  const auto [hard, hard_grad] = run(0.9, true);
  CHECK(same_bits(soft_grad, hard_grad));
  const Values s = soft.to_vector(), h = hard.to_vector();
  for (size_t row = 0; row < 8; row += 2) {
    CHECK(h[row] == (s[row] >= s[row + 1] ? 1.0 : 0.0));
    CHECK(h[row] + h[row + 1] == 1.0);
  }
  for (bool hard_sample : {false, true}) {
    const Tensor host =
        gumbel_sample(Tensor::from({4, 2}, logits), 0.9, hard_sample, noise, "policy.seg");
    CHECK(same_bits(host, hard_sample ? hard : soft));
  }
  // As tau falls, samples become choices, and everything stays finite.
  for (double tau : {1e-1, 1e-2, 1e-3}) {
    const auto [y, grad] = run(tau, false);
    CHECK(ctx.all_finite(y));
    CHECK(ctx.all_finite(grad));
  }
  const Values last = run(1e-3, false).first.to_vector();
  for (size_t i = 0; i < last.size(); ++i) CHECK(std::abs(last[i] - h[i]) < 1e-6);
}

TEST_CASE("gumbel_softmax: an f32 gradient survives a saturated sample", "[ops]") {
  CpuContext ctx(1);
  const auto gradient = [&](DType dtype) {
    Tape tape(&ctx);
    const Var x = tape.leaf(Tensor::from({1, 2}, {30, 0}, dtype));
    const Var y = sample(x, 1.0, false);
    tape.backward(y, Tensor::from({1, 2}, {1, -1}, dtype));
    return tape.grad(x).to_vector();
  };
  const Values f32 = gradient(DType::f32), f64 = gradient(DType::f64);
  CHECK(f64[0] > 0);
  for (size_t i : {0, 1}) CHECK(std::abs(f32[i] / f64[i] - 1) < 1e-5);
}

TEST_CASE("gumbel_softmax: choices follow softmax(logits)", "[ops]") {
  Values logits;
  const int64_t rows = 20000;
  for (int64_t i = 0; i < rows; ++i) logits.insert(logits.end(), {1.0, 0.0, -1.0});
  const Values y =
      gumbel_sample(Tensor::from({rows, 3}, logits), 0.5, true, noise, "policy.seg").to_vector();
  double counts[3] = {};
  for (size_t i = 0; i < y.size(); ++i) counts[i % 3] += y[i];
  const double sum = std::exp(1.0) + 1 + std::exp(-1.0);
  for (int j : {0, 1, 2})
    CHECK(std::abs(counts[j] / double(rows) - std::exp(1.0 - j) / sum) < 0.012);  // 3.5 sigma
}

TEST_CASE("gumbel_softmax: what it refuses", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var scalar = tape.constant(Tensor::from({}, {1.0}));
  check_shape_error([&] { sample(scalar, 1, false); }, "logits need a last axis, got []");
  const Var x = tape.constant(Tensor::from({2}, {1.0, 2.0}));
  CHECK_THROWS_AS(sample(x, 0, false), ConfigError);
}

}  // namespace weft
