// Tape: fan-out, constants, marks, parameters, freed nodes, memory, and what the errors say.
#include <cmath>
#include <vector>

#include "engine/tape.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/catch.h"

namespace weft {
namespace {

using Values = std::vector<double>;

Tensor tensor(const Values& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values, DType::f64);
}

/// An op whose backward fails: y = x.
struct Broken final : Op {
  const char* name() const override { return "broken"; }
  void backward(Backward& b) override { b.pass(0, Tensor::empty({7}, DType::f64)); }
};

/// y = 2 x, whose backward adds in place where it may, and counts how often it did.
struct Adding final : Op {
  int& in_place;
  explicit Adding(int& count) : in_place(count) {}
  const char* name() const override { return "adding"; }
  void backward(Backward& b) override {
    Tensor to = b.onto(0);
    in_place += to.defined() ? 1 : 0;
    const bool adds = to.defined();
    if (!adds) to = b.din(0);
    for (int64_t i = 0; i < to.numel(); ++i)
      to.data<double>()[i] =
          (adds ? to.data<double>()[i] : 0) + 2 * b.dout().data<const double>()[i];
  }
};
Var adding(const Var& x, int& count) {
  Tensor y = Tensor::empty(x.shape(), DType::f64);
  for (int64_t i = 0; i < y.numel(); ++i) y.data<double>()[i] = 2 * x.value().data<double>()[i];
  return x.tape().record(std::make_unique<Adding>(count), {x}, std::move(y), SourceLoc::here());
}

}  // namespace

TEST_CASE("tape: an op adds its part to what others gave, where nobody else holds that",
          "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  int in_place = 0;
  const Var x = tape.leaf(tensor({1, 2}));
  // From the end: scale's own gradient, then two that add to it.
  const Var first = adding(x, in_place), second = adding(x, in_place), third = scale(x, 10);
  tape.backward(add(first, add(second, third)), tensor({1, 3}));
  CHECK(tape.grad(x).to_vector() == Values{14, 42});
  CHECK(in_place == 2);
  // add() hands one tensor on to both inputs: the first to add makes its own.
  Tape shared(&ctx);
  const Var a = shared.leaf(tensor({1, 2})), b = shared.leaf(tensor({1, 2}));
  const Tensor seed = tensor({1, 3});
  in_place = 0;
  const Var doubled = adding(a, in_place), both = add(a, b);
  shared.backward(add(doubled, both), seed);
  CHECK(shared.grad(a).to_vector() == Values{3, 9});
  CHECK(shared.grad(b).to_vector() == Values{1, 3});
  CHECK(seed.to_vector() == Values{1, 3});
  CHECK(in_place == 0);
  // A parameter's gradient may be watched or handed on by others.
  Tape steps(&ctx);
  Parameter p{"w", tensor({1}), {}, true};
  const Var w = steps.use(p);
  const Var twice = adding(w, in_place), thrice = scale(w, 3);
  steps.backward(add(twice, thrice), tensor({1}));
  CHECK(p.grad.to_vector() == Values{5});
  CHECK(in_place == 0);
}

TEST_CASE("tape: gradients of a value that is used twice add up", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({1, 2, 3}));
  const Var loss = sum(add(mul(x, x), scale(x, 10)));
  CHECK(loss.value().item() == 74);
  tape.backward(loss);
  CHECK(tape.grad(x).to_vector() == Values{12, 14, 16});
}

TEST_CASE("tape: a gradient handed to two inputs does not change under one of them", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({1})), y = tape.leaf(tensor({2}));
  const Var twice = scale(x, 2);
  const Var both = add(x, y);  // passes one tensor on to x and y
  const Tensor seed = tensor({3});
  tape.backward(add(both, twice), seed);
  CHECK(tape.grad(x).item() == 9);
  CHECK(tape.grad(y).item() == 3);
  CHECK(seed.item() == 3);
}

TEST_CASE("tape: what needs no gradient is not recorded", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var c = tape.constant(tensor({1, 2}));
  CHECK_FALSE(relu(c).needs_grad());
  CHECK(tape.size() == 0);
  Parameter frozen{"w", tensor({1}), {}, false};
  CHECK_FALSE(tape.use(frozen).needs_grad());
  Tape evaluation(&ctx, Tape::Mode::no_grad);
  Parameter p{"w", tensor({1}), {}, true};
  CHECK_FALSE(relu(evaluation.use(p)).needs_grad());
  CHECK(evaluation.size() == 0);
}

TEST_CASE("tape: parameters gather over uses and tapes until someone clears them", "[engine]") {
  CpuContext ctx(1);
  Parameter p{"w", tensor({2}), {}, true};
  for (int step = 1; step <= 2; ++step) {
    Tape tape(&ctx);
    const Var a = tape.use(p), b = tape.use(p);
    tape.backward(mul(a, b));
    CHECK(p.grad.item() == 4 * step);
    CHECK(tape.grad(a).item() == 4 * step);
  }
  Tape tape(&ctx);
  const Var w = tape.use(p);
  tape.backward(scale(w, 1));
  CHECK(tape.take_grad(w).item() == 9);
  CHECK_FALSE(p.grad.defined());
}

TEST_CASE("tape: a mark gives each task's gradient at the trunk", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({1, -2}));
  const Var trunk = square(x);
  const TapeMark mark = tape.mark();
  const Var first = sum(scale(trunk, 2)), second = sum(scale(trunk, 5));
  tape.backward(first, {.stop_at = mark});
  const Tensor g1 = tape.take_grad(trunk);
  tape.backward(second, {.stop_at = mark});
  const Tensor g2 = tape.take_grad(trunk);
  CHECK(g1.to_vector() == Values{2, 2});
  CHECK(g2.to_vector() == Values{5, 5});
  CHECK_FALSE(tape.grad(x).defined());
  tape.backward(trunk, g2);
  CHECK(tape.grad(x).to_vector() == Values{10, -20});
}

TEST_CASE("tape: a second pass through a freed node is an error that names it", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({1}));
  const Var y = relu(x);
  tape.backward(y);
  CHECK_THROWS_WITH(tape.backward(y),
                    Catch::Matchers::StartsWith("backward: relu (recorded at tests/engine/") &&
                        contains_text("was already differentiated"));
}

TEST_CASE("tape: a pass that retains leaves the tape for another loss, with the same bits",
          "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  Parameter w{"w", tensor({0.3, -1.7}), {}, true};
  const Var trunk = sigmoid(tape.use(w));
  const Var first = sum(square(trunk)), second = sum(exp(trunk));
  tape.backward(first, {.retain = true});
  const Values once = w.grad.to_vector();
  w.grad = Tensor();
  tape.backward(first, {.retain = true});
  CHECK(w.grad.to_vector() == once);
  tape.backward(second);
  Parameter alone{"w", w.value.clone(), {}, true};
  for (int loss : {0, 1}) {
    Tape other(&ctx);
    const Var again = sigmoid(other.use(alone));
    other.backward(loss == 0 ? sum(square(again)) : sum(exp(again)));
  }
  CHECK(w.grad.to_vector() == alone.grad.to_vector());
  CHECK_THROWS_WITH(tape.backward(first), contains_text("let the first pass retain"));
}

TEST_CASE("tape: a value changed in place between two passes stops the second", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  Parameter w{"w", tensor({2}), {}, true};
  const Var loss = square(tape.use(w));
  tape.backward(loss, {.retain = true});
  ctx.fill(w.value, 3);
  CHECK_THROWS_WITH(tape.backward(loss), contains_text("was changed in place since"));
}

TEST_CASE("tape: gradients() gives backward's bits and leaves every gradient alone", "[engine]") {
  CpuContext ctx(1);
  Parameter a{"a", tensor({2, 3}), {}, true}, b{"b", tensor({5, 7}), tensor({1, 1}), true};
  Parameter unused{"c", tensor({1}), {}, true};
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({1, -1}));
  const Var trunk = mul(tape.use(a), x);
  const Var first = sum(mul(trunk, tape.use(b))), second = sum(square(trunk));
  const auto of_first = tape.gradients(first, {&b, &unused, &a}, {.retain = true});
  const auto of_second = tape.gradients(second, {&b, &a}, {.retain = true});
  CHECK(of_first[0].to_vector() == Values{2, -3});
  CHECK_FALSE(of_first[1].defined());
  CHECK(of_first[2].to_vector() == Values{5, -7});
  CHECK_FALSE(of_second[0].defined());
  CHECK(of_second[1].to_vector() == Values{4, 6});
  CHECK_FALSE(a.grad.defined());
  CHECK(b.grad.to_vector() == Values{1, 1});
  CHECK_FALSE(tape.grad(x).defined());
  tape.backward(first);
  CHECK(a.grad.to_vector() == of_first[2].to_vector());
  CHECK(b.grad.to_vector() == Values{3, -2});
  CHECK_THROWS_WITH(tape.gradients(trunk, {&a}),
                    contains_text("gradients: a loss has one element"));
}

TEST_CASE("tape: refusals", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({1, 2}));
  CHECK_THROWS_WITH(tape.backward(x), contains_text("a loss has one element"));
  CHECK_THROWS_AS(tape.backward(x, tensor({1})), ShapeError);
  CHECK_THROWS_WITH(tape.backward(tape.constant(tensor({1}))), contains_text("depends on no leaf"));
  CHECK_THROWS_WITH(tape.grad(tape.constant(tensor({1}))), "grad: a constant has no gradient");
  const Var bad = tape.record(std::make_unique<Broken>(), {x}, tensor({1, 2}), SourceLoc::here());
  CHECK_THROWS_WITH(tape.backward(bad, tensor({1, 1})),
                    Catch::Matchers::StartsWith("backward of broken (recorded at tests/engine/") &&
                        contains_text("gradient [7] passed for input 0 of shape [2]"));
}

TEST_CASE("tape: check_numbers names the op and the place", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  tape.check_numbers(true);
  const Var x = tape.leaf(tensor({0, 1}));
  CHECK_THROWS_WITH(log(x),
                    Catch::Matchers::StartsWith("log: the output [2] holds NaN or infinity") &&
                        contains_text("tests/engine/"));
  const Var root = sqrt(x);
  CHECK_THROWS_AS(tape.backward(sum(root)), NumericError);
}

TEST_CASE("tape: backward frees what it has used", "[engine]") {
  CpuContext ctx(1);
  const int64_t n = 1 << 16;
  const size_t each = n * sizeof(double);
  const Tensor start = Tensor::from({n}, Values(n, 0.5), DType::f64);
  const size_t before = host_memory().counters().live_bytes;
  {
    Tape tape(&ctx);
    const Var x = tape.leaf(start);
    Var y = x;
    for (int i = 0; i < 10; ++i) y = sigmoid(y);  // each retains its output
    CHECK(host_memory().counters().live_bytes - before == 10 * each);
    const Var loss = sum(y);
    y = Var();
    host_memory().reset_peak();
    tape.backward(loss);
    CHECK(host_memory().counters().peak_bytes - before <= 13 * each);
    CHECK(host_memory().counters().live_bytes - before <= 2 * each);
  }
  CHECK(host_memory().counters().live_bytes == before);
}

TEST_CASE("tape: a deep chain needs no recursion", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({1}));
  Var y = x;
  for (int i = 0; i < 100000; ++i) y = shift(y, 1e-5);
  tape.backward(y);
  CHECK(tape.grad(x).item() == 1);
}

}  // namespace weft
