// Tape::recompute: the same gradients with fewer bytes between the passes, one computation a pass,
// and an error for who reads a value meanwhile.
#include <vector>

#include "engine/joint_backward.h"
#include "engine/tape.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/catch.h"

namespace weft {
namespace {

using Values = std::vector<double>;

constexpr int64_t n = 1 << 14;
constexpr size_t each = n * sizeof(double);

/// y = x + 1, which it can say again; x, which it retains, is another's anyway.
struct Next final : Op, Recomputable {
  Tensor x;
  int* calls;

  Next(Tensor x_, int* calls_) : x(std::move(x_)), calls(calls_) {}
  const char* name() const override { return "next"; }
  void backward(Backward& b) override { b.pass(0, b.dout()); }
  void compute_again(const AnyContext&, const Tensor& out) const override {
    ++*calls;
    for (int64_t i = 0; i < out.numel(); ++i) out.data<double>()[i] = x.data<double>()[i] + 1;
  }
};

Var next(Tape& tape, const Var& x, int* calls) {
  const Tensor y = Tensor::empty(x.shape(), DType::f64);
  auto op = std::make_unique<Next>(x.value(), calls);
  op->compute_again(tape.context(), y);
  *calls = 0;
  return tape.record(std::move(op), {x}, y, SourceLoc::here());
}

Tensor start() {
  Values values;
  for (int64_t i = 0; i < n; ++i) values.push_back(static_cast<double>(i % 23) / 7 - 1);
  return Tensor::from({n}, values, DType::f64);
}

size_t live() { return host_memory().counters().live_bytes; }

}  // namespace

TEST_CASE("recompute: the bytes go, come back once, and the gradient is the same", "[engine]") {
  CpuContext ctx(1);
  const Tensor from = start();
  Values plain;
  for (const bool again : {false, true}) {
    int calls = 0;
    Tape tape(&ctx);
    const Var x = tape.leaf(from);
    Var y = next(tape, x, &calls);
    const Var loss = sum(square(y));  // retains y
    const size_t before = live();
    if (again) tape.recompute(y);
    CHECK(before - live() == (again ? each : 0));
    y = Var();
    tape.backward(loss);
    CHECK(calls == (again ? 1 : 0));
    if (!again) plain = tape.grad(x).to_vector();
    CHECK(tape.grad(x).to_vector() == plain);
  }
}

TEST_CASE("recompute: what nobody retains is not computed again", "[engine]") {
  CpuContext ctx(1);
  int calls = 0;
  Tape tape(&ctx);
  const Var x = tape.leaf(start());
  Var y = next(tape, x, &calls);
  const Var loss = sum(scale(y, 2));
  tape.recompute(y);
  y = Var();
  tape.backward(loss);
  CHECK(calls == 0);
  CHECK(tape.grad(x).to_vector()[5] == 2);
}

TEST_CASE("recompute: passes that retain share what one of them computed", "[engine]") {
  CpuContext ctx(1);
  int calls = 0;
  Tape tape(&ctx);
  const Var x = tape.leaf(start());
  const Var y = next(tape, x, &calls);
  const Var z = square(y);
  const Var first = sum(z), second = sum(scale(z, 3));
  tape.recompute(y);
  tape.backward(first, {.retain = true});
  const Values once = tape.take_grad(x).to_vector();
  tape.backward(second);
  CHECK(calls == 1);
  CHECK(tape.grad(x).to_vector()[7] == 3 * once[7]);
}

TEST_CASE("recompute: per-task gradients are the same", "[engine]") {
  CpuContext ctx(1);
  std::vector<std::vector<Values>> seen;
  for (const bool again : {false, true}) {
    int calls = 0;
    Parameter p{"p", start(), {}, true};
    Tape tape(&ctx);
    const Var y = next(tape, tape.use(p), &calls);
    const Var z = square(y);
    JointBackward joint({sum(scale(z, 2)), sum(exp(z))});
    if (again) tape.recompute(y);
    auto& rows = seen.emplace_back();
    joint.run([&](Parameter&, std::vector<Tensor>& gradients) {
      for (const Tensor& g : gradients) rows.push_back(g.to_vector());
    });
    CHECK(calls == (again ? 1 : 0));
  }
  CHECK(seen[0].size() == 2);
  CHECK(seen[0] == seen[1]);
}

TEST_CASE("recompute: an op that cannot, a leaf and a constant keep their bytes", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(start()), c = tape.constant(start()), y = square(x);
  const size_t before = live();
  for (const Var& v : {x, c, y}) tape.recompute(v);
  CHECK(live() == before);
  CHECK(y.value().to_vector().size() == n);
}

TEST_CASE("recompute: who reads the value meanwhile is told so", "[engine]") {
  CpuContext ctx(1);
  int calls = 0;
  Tape tape(&ctx);
  const Var y = next(tape, tape.leaf(start()), &calls);
  const Var loss = sum(square(y));
  tape.recompute(y);
  CHECK_THROWS_WITH(y.value().to_vector(),
                    contains_text("was read between Tape::recompute() and the pass back"));
  CHECK_THROWS_WITH(exp(y), contains_text("was read between"));
  tape.backward(loss);
  CHECK(y.value().to_vector()[0] == start().to_vector()[0] + 1);
  Tape other(&ctx);
  CHECK_THROWS_WITH(other.recompute(y),
                    contains_text("recompute: a value [16384] of another tape"));
}

}  // namespace weft
