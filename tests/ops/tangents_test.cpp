// Tangents: against central differences of the values, and a loss of tangents against central
// differences of the loss, through every op that has a rule; what has none is refused by name.
#include "ops/tangents.h"

#include <cmath>
#include <functional>

#include "ops/concat.h"
#include "ops/gate.h"
#include "ops/linear.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/weighted_sum.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft::test;

namespace weft {
namespace {

constexpr int64_t rows = 3, width = 4;

Tensor values(const Shape& shape, int salt) {
  std::vector<double> out;
  for (int64_t i = 0; i < shape.numel(); ++i)
    out.push_back(std::sin(1.7 * static_cast<double>(i) + salt) * 0.8);
  return Tensor::from(shape, out, DType::f64);
}

/// A parameter w [width, width], x [2 rows, 1, 1, width] -> [2 rows, 1, 1, width].
using Network = std::function<Var(Tape&, const Var& x, const Var& w)>;

const std::vector<std::pair<std::string, Network>>& networks() {
  static const std::vector<std::pair<std::string, Network>> all = {
      {"tanh", [](Tape&, const Var& x, const Var& w) { return tanh(linear(x, w)); }},
      {"silu", [](Tape&, const Var& x, const Var& w) { return silu(linear(x, w)); }},
      {"softplus", [](Tape&, const Var& x, const Var& w) { return softplus(linear(x, w)); }},
      {"sigmoid", [](Tape&, const Var& x, const Var& w) { return sigmoid(linear(x, w)); }},
      {"two layers", [](Tape&, const Var& x,
                        const Var& w) { return linear(tanh(linear(silu(linear(x, w)), w)), w); }},
      {"residual",
       [](Tape&, const Var& x, const Var& w) { return add(x, silu(linear(x, w))) + tanh(x); }},
      {"product",
       [](Tape&, const Var& x, const Var& w) {
         const Var y = linear(x, w);
         return mul(mul(y, tanh(y)), reshape(slice(w, 0, 0, 1), {width}));
       }},
      {"slice and concat",
       [](Tape& tape, const Var& x, const Var& w) {
         const Var y = linear(x, w), still = tape.constant(values({rows, 1, 1, width}, 9));
         return tanh(concat({add(slice(y, 0, rows, rows), still), silu(slice(y, 0, 0, rows))}, 0));
       }},
      {"gate",
       [](Tape&, const Var& x, const Var& w) {
         const Var f = tanh(linear(x, w)), r = silu(x);
         GateRow first, second;
         first.f_group = 1, first.select = 1, first.r_group = 0, first.skip = 0.5;
         second.r_group = 1, second.skip = 1;
         return gate(f, r, {first, second}, rows);
       }},
      {"weighted_sum",
       [](Tape& tape, const Var& x, const Var& w) {
         const Var a = tape.constant(values({2}, 4));
         return silu(weighted_sum({tanh(linear(x, w)), x}, a));
       }},
      {"a head's mean",
       [](Tape&, const Var& x, const Var& w) {
         const Var mean = reshape(mean_over(linear(x, w), {1, 2}), {2 * rows, width});
         return reshape(tanh(mean), {2 * rows, 1, 1, width});
       }},
  };
  return all;
}

Tensor moved(const Tensor& t, const Tensor& by, double h) {
  std::vector<double> out = t.to_vector(), d = by.to_vector();
  for (size_t i = 0; i < out.size(); ++i) out[i] += h * d[i];
  return Tensor::from(t.shape(), out, DType::f64);
}

}  // namespace

TEST_CASE("tangents are the values' change along a direction", "[ops][tangents]") {
  for (const auto& [name, built] : networks()) {
    INFO(name);
    const Network& network = built;  // clang 14 captures no structured binding
    CpuContext cpu(1);
    const Tensor x = values({2 * rows, 1, 1, width}, 1), dx = values(x.shape(), 2),
                 w = values({width, width}, 3);
    Tape tape(&cpu);
    const Var leaf = tape.leaf(x), weight = tape.leaf(w);
    Tangents tangents;
    const Var y = network(tape, leaf, weight);
    const Var dy = tangents.along(leaf, tape.constant(dx), {y})[0];
    REQUIRE(dy.shape() == y.shape());
    const auto at = [&](double h) {
      Tape plain(&cpu, Tape::Mode::no_grad);
      return network(plain, plain.constant(moved(x, dx, h)), plain.constant(w)).value().to_vector();
    };
    const double h = 1e-5;
    const auto high = at(h), low = at(-h), found = dy.value().to_vector();
    for (size_t i = 0; i < found.size(); ++i)
      CHECK(found[i] == Catch::Approx((high[i] - low[i]) / (2 * h)).epsilon(1e-7).margin(1e-9));
  }
}

TEST_CASE("a loss of tangents has the gradients of central differences", "[ops][tangents]") {
  for (const auto& [name, built] : networks()) {
    INFO(name);
    const Network& network = built;
    CpuContext cpu(1);
    const Tensor x = values({2 * rows, 1, 1, width}, 1), dx = values(x.shape(), 2);
    const Tensor w = values({width, width}, 3), target = values(x.shape(), 5);
    const auto loss = [&](Tape& tape, const Var& weight) {
      const Var leaf = tape.leaf(x);
      Tangents tangents;
      const Var y = network(tape, leaf, weight);
      const Var dy = tangents.along(leaf, tape.constant(dx), {y})[0];
      return sum(square(dy - tape.constant(target))) + sum(y);
    };
    Tape tape(&cpu);
    const Var weight = tape.leaf(w);
    tape.backward(loss(tape, weight));
    const auto found = tape.grad(weight).to_vector();
    const double h = 1e-5;
    for (size_t i = 0; i < found.size(); ++i) {
      const auto at = [&](double by) {
        std::vector<double> numbers = w.to_vector();
        numbers[i] += by;
        Tape other(&cpu);
        return loss(other, other.leaf(Tensor::from(w.shape(), numbers, DType::f64))).value().item();
      };
      CHECK(found[i] == Catch::Approx((at(h) - at(-h)) / (2 * h)).epsilon(1e-6).margin(1e-7));
    }
  }
}

TEST_CASE("two directions, outputs that x does not lead to, and ops without a tangent",
          "[ops][tangents]") {
  CpuContext cpu(1);
  Tape tape(&cpu);
  const Var x = tape.leaf(values({2, width}, 1)), other = tape.leaf(values({2, width}, 2));
  Tangents tangents;
  const Var y = tanh(x), z = tanh(other);
  const Var one = tape.constant(values(x.shape(), 3)), two = tape.constant(values(x.shape(), 4));
  const auto first = tangents.along(x, one, {y, z}), second = tangents.along(x, two, {y});
  CHECK(!first[1].value().defined());
  const auto a = first[0].value().to_vector(), b = second[0].value().to_vector(),
             s = one.value().to_vector(), t = two.value().to_vector();
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] * t[i] == Catch::Approx(b[i] * s[i]));
  CHECK_THAT(message_of<ShapeError>([&] { tangents.along(x, tape.leaf(values({2}, 1)), {y}); }),
             contains_text("is not of the shape of x"));

  const auto refused = [&](auto&& f) {
    Tape own(&cpu);
    const Var from = own.leaf(values({2, width}, 1));
    Tangents noted;
    const Var out = f(from);
    const Var along = own.constant(values({2, width}, 3));
    return message_of<ConfigError>([&] { noted.along(from, along, {out}); });
  };
  CHECK_THAT(refused([](const Var& v) { return relu(v); }), contains_text("relu: no tangent"));
  CHECK_THAT(refused([](const Var& v) { return gelu(v); }), contains_text("gelu: no tangent"));
  CHECK_THAT(refused([](const Var& v) {
               const Var p = v.tape().constant(Tensor::from({1, 2}, {0.5, 0.5}, DType::f64));
               GateRow row;
               row.f_group = row.r_group = 0, row.p = p;
               return gate(tanh(v), v, {row}, 2);
             }),
             contains_text("gate: no tangent"));
}

}  // namespace weft
