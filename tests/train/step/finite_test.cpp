// What FiniteStep finds does not depend on who looked first: marks of tensors that were seen to be
// finite hold until they are changed, and a sum that overflows is found behind finite terms.
#include "train/step/finite.h"

#include <limits>

#include "ops/linear.h"
#include "tests/support/catch.h"
#include "train/step/optimizer.h"

namespace weft {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

int32_t verdict_on(CpuContext& cpu, const std::vector<Tensor>& values) {
  FiniteStep step(&cpu);
  step.begin({}, true);
  step.judge(values);
  return step.verdict().data<int32_t>()[0];
}

Tensor ones(const Shape& shape, double value = 1) {
  return Tensor::from(shape, std::vector<double>(static_cast<size_t>(shape.numel()), value));
}

TEST_CASE("a mark holds until the tensor is changed, and for all of its bytes alone", "[nan]") {
  CpuContext cpu(1);
  const Tensor t = ones({4, 3});
  CHECK_FALSE(t.marked_finite());
  t.rows(0, 2).mark_finite();
  CHECK_FALSE(t.marked_finite());
  t.mark_finite();
  CHECK((t.marked_finite() && t.rows(1, 2).marked_finite()));
  t.rows(1, 1).data<float>()[0] = infinity;
  t.rows(1, 1).changed();
  CHECK_FALSE(t.marked_finite());
  CHECK(verdict_on(cpu, {ones({2}), t}) == 1);
  CHECK(verdict_on(cpu, {ones({2}), ones({4, 3})}) == all_finite);
}

TEST_CASE("marked tensors keep their place in the verdict", "[nan]") {
  CpuContext cpu(2);
  const Tensor good = ones({5}), bad = ones({3}, infinity);
  good.mark_finite();
  CHECK(verdict_on(cpu, {good, good, bad, bad}) == 2);
  CHECK(verdict_on(cpu, {good, good}) == all_finite);
}

TEST_CASE("a gradient of finite terms whose sum overflows is found", "[nan]") {
  for (const int threads : {1, 7})
    for (const double term : {1e38, 2e38}) {
      CpuContext cpu(threads);
      Parameter weight{"w", ones({300, 200}, 0), {}};
      Tape tape(&cpu);
      const Var w = tape.use(weight), x = tape.constant(ones({1, 200}));
      for (int pass = 0; pass < 2; ++pass) tape.backward(linear(x, w), ones({1, 300}, term));
      const bool overflows = term == 2e38;
      CHECK(weight.grad.marked_finite() == !overflows);
      CHECK(verdict_on(cpu, {weight.grad}) == (overflows ? 0 : all_finite));
    }
}

TEST_CASE("clipping marks finite gradients and no others", "[nan]") {
  CpuContext cpu(2);
  for (const double norm : {1.0, 1e30})
    for (const double value : {2.0, double{infinity}}) {
      Parameter p{"p", ones({64}), ones({64}, value)};
      clip_grad_norm(&cpu, {&p}, norm);
      CHECK(p.grad.marked_finite() == (value == 2));
      CHECK(verdict_on(cpu, {p.grad}) == (value == 2 ? all_finite : 0));
    }
}

}  // namespace
}  // namespace weft
