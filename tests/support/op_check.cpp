// op_check: the runs and the comparisons behind one descriptor.
#include "tests/support/op_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "engine/error.h"
#include "engine/joint_backward.h"
#include "engine/philox.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/slice.h"
#include "tests/support/device.h"
#include "tests/support/sanitized.h"
#include "tests/support/weigh.h"

namespace weft {
namespace {

constexpr double kink_margin = 0.05;
constexpr int64_t check_all_below = test::cases<int64_t>(64, 8),
                  sampled_elements = test::cases<int64_t>(40, 8);
// A GPU adds in trees of its own, fuses multiplies into adds, and its exp, log and division are off
// by up to 2 ulp where the CPU's are within 1: twice the CPU's bound.
constexpr double gpu_slack = 2;

/// On the host, wherever it was computed.
struct Result {
  Tensor y;
  std::vector<Tensor> grads;  // undefined where the input is a constant
};

bool is_differentiable(const OpCase& c, size_t i) {
  return c.differentiable.empty() || c.differentiable.at(i);
}

/// Rounded to f32, so that f32 and f64 runs start from the same numbers.
double to_f32(double value) { return static_cast<double>(static_cast<float>(value)); }

Values output_weights(const OpCase& c, int64_t n) {
  const Philox philox(c.seed, Stream::data, 1, "w");
  Values w(static_cast<size_t>(n));
  for (size_t i = 0; i < w.size(); ++i) w[i] = to_f32(2 * philox.uniform(i) - 1);
  return w;
}

std::vector<Values> all_values(const OpCase& c) {
  std::vector<Values> values;
  for (size_t i = 0; i < c.inputs.size(); ++i) values.push_back(case_values(c, i));
  return values;
}

Tensor forward(const OpCase& c, const AnyContext& ctx, DType dtype,
               const std::vector<Values>& values) {
  Tape tape(ctx, Tape::Mode::no_grad);
  std::vector<Var> in;
  for (size_t i = 0; i < values.size(); ++i)
    in.push_back(tape.constant(on_tape(tape, Tensor::from(c.inputs[i], values[i], dtype))));
  return to_host(ctx, c.op(in).value());
}

/// Forward and backward; `only` >= 0 makes every other input a constant.
Result forward_backward(const OpCase& c, const AnyContext& ctx, DType dtype,
                        const std::vector<Values>& values, int only = -1) {
  Tape tape(ctx);
  std::vector<Var> in;
  for (size_t i = 0; i < values.size(); ++i) {
    const Tensor t = on_tape(tape, Tensor::from(c.inputs[i], values[i], dtype));
    const bool leaf = is_differentiable(c, i) && (only < 0 || only == static_cast<int>(i));
    in.push_back(leaf ? tape.leaf(t) : tape.constant(t));
  }
  const Var y = c.op(in);
  Result result{to_host(ctx, y.value()), std::vector<Tensor>(values.size())};
  if (!y.needs_grad()) return result;
  const Values weights = output_weights(c, y.value().numel());
  tape.backward(y, on_tape(tape, Tensor::from(y.shape(), weights, y.dtype())));
  for (size_t i = 0; i < values.size(); ++i)
    if (in[i].needs_grad()) result.grads[i] = to_host(ctx, tape.grad(in[i]));
  return result;
}

double largest(const Values& values) {
  double top = 0;
  for (double v : values) top = std::max(top, std::abs(v));
  return top;
}

/// Every |got - want| <= bound, for values of a tensor of this shape; the worst one is reported, with
/// the inputs there. A NaN is worse than any number.
void check_close(const std::string& what, const Values& got, const Values& want, double bound,
                 const OpCase& c, const std::vector<Values>& values, const Shape& shape) {
  INFO(what);
  REQUIRE(got.size() == want.size());
  size_t worst = 0;
  double error = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double e = std::isnan(got[i] - want[i]) ? std::numeric_limits<double>::infinity()
                                                  : std::abs(got[i] - want[i]);
    if (e > error) error = e, worst = i;
  }
  if (error > bound)
    FAIL_CHECK(fmt::format("{}: {:.17g}, expected {:.17g}: off by {:.3g}, bound {:.3g},{}", what,
                           got[worst], want[worst], error, bound,
                           inputs_at(c, values, shape, worst)));
  SUCCEED();
}

/// eps times the growth of a sum of n terms (chunked: about sqrt n), relative to the largest value.
double f32_bound(const OpCase& c, double terms, const Values& reference) {
  const double eps = std::numeric_limits<float>::epsilon();
  return c.f32_slack * eps * (8 + 2 * std::sqrt(std::max(1.0, terms))) *
         std::max(1e-3, largest(reference));
}

void check_same(const std::string& what, const Result& a, const Result& b) {
  INFO(what);
  CHECK(same_bits(a.y, b.y));
  for (size_t i = 0; i < a.grads.size(); ++i) {
    if (!a.grads[i].defined() || !b.grads[i].defined()) continue;
    INFO("gradient of input " << i);
    CHECK(same_bits(a.grads[i], b.grads[i]));
  }
}

/// A loss of some rows of y alone: a pass that retains, twice; then the gradient that comes back by
/// rows, and half of it by a weighted pass, against zeros for the other rows.
void check_rows(const OpCase& c, const AnyContext& ctx, DType dtype,
                const std::vector<Values>& values, int64_t begin, int64_t count, double slack) {
  INFO("rows " << begin << " .. " << begin + count - 1);
  std::vector<Parameter> inputs(values.size());
  std::vector<Parameter*> all;
  Tape tape(ctx);
  std::vector<Var> in;
  for (size_t i = 0; i < values.size(); ++i) {
    inputs[i].value = on_tape(tape, Tensor::from(c.inputs[i], values[i], dtype));
    inputs[i].trainable = is_differentiable(c, i);
    all.push_back(&inputs[i]);
    in.push_back(tape.use(inputs[i]));
  }
  const Var y = c.op(in);
  const Values all_weights = output_weights(c, y.value().numel());
  const Tensor w = Tensor::from(y.shape(), all_weights, y.dtype()).rows(begin, count).clone();
  const Var loss = sum(mul(slice(y, 0, begin, count), tape.constant(on_tape(tape, w))));

  const auto whole = tape.gradients(loss, all, {.retain = true});
  const auto again = tape.gradients(loss, all, {.retain = true});
  std::map<const Parameter*, Tensor> by_rows;
  JointBackward joint({loss}, [](const Parameter&, int) { return true; });
  joint.run([&](Parameter& p, std::vector<Tensor>& g) { by_rows[&p] = g.at(0); });
  joint.run_weighted(weigh_by(ctx, {0.5}), all);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!whole[i].defined()) continue;
    INFO("gradient of input " << i);
    const Tensor host = to_host(ctx, whole[i]);
    CHECK(same_bits(host, to_host(ctx, again[i])));
    Values want = host.to_vector();
    const double bound = dtype == DType::f64
                             ? 1e-11 * std::max(1.0, largest(want))
                             : slack * f32_bound(c, static_cast<double>(w.numel()), want);
    const Tensor rows = by_rows[&inputs[i]];
    if (!rows.defined()) {  // nothing came back from these rows
      CHECK(largest(want) == 0);
      continue;
    }
    check_close("by rows", to_host(ctx, rows).to_vector(), want, bound, c, {}, host.shape());
    for (double& v : want) v /= 2;
    REQUIRE(inputs[i].grad.defined());
    check_close("weighted", to_host(ctx, inputs[i].grad).to_vector(), want, bound, c, {},
                host.shape());
  }
}

void check_rows(const OpCase& c, const AnyContext& ctx, DType dtype,
                const std::vector<Values>& values, const Tensor& y, double slack) {
  const int64_t rows = y.shape().rank() > 0 ? y.shape()[0] : 0;
  if (rows < 2 || y.numel() == 0) return;
  check_rows(c, ctx, dtype, values, rows / 2, rows - rows / 2, slack);
  check_rows(c, ctx, dtype, values, 0, 1, slack);
}

void check_differences(const OpCase& c, const std::vector<Values>& values, size_t input,
                       const Values& gradient) {
  CpuContext ctx(1);
  const int64_t n = c.inputs[input].numel();
  const Philox philox(c.seed, Stream::data, 2, c.name);
  const int64_t count = n <= check_all_below ? n : sampled_elements;
  const double scale = std::max(1.0, largest(gradient));
  for (int64_t k = 0; k < count; ++k) {
    const size_t at = n <= check_all_below ? k : philox.below(k, n);
    std::vector<Values> moved = values;
    moved[input][at] = values[input][at] + c.step;
    const Values above = forward(c, &ctx, DType::f64, moved).to_vector();
    moved[input][at] = values[input][at] - c.step;
    const Values below = forward(c, &ctx, DType::f64, moved).to_vector();
    const Values w = output_weights(c, static_cast<int64_t>(above.size()));
    double slope = 0;
    for (size_t j = 0; j < w.size(); ++j) slope += w[j] * (above[j] - below[j]);
    slope /= 2 * c.step;
    if (!(std::abs(slope - gradient[at]) <= c.difference_tolerance * scale)) {
      FAIL_CHECK(fmt::format("gradient of input {}: analytic {:.12g}, differences {:.12g},{}",
                             input, gradient[at], slope,
                             inputs_at(c, values, c.inputs[input], at)));
      return;
    }
  }
  SUCCEED();
}

/// f32 against f64, the same bits again, with one input's gradient alone, and without recording.
Result check_f32(const OpCase& c, const AnyContext& ctx, const std::vector<Values>& values,
                 const Result& f64, double slack) {
  const Result f32 = forward_backward(c, ctx, DType::f32, values);
  const Values y = f64.y.to_vector();
  check_close("f32 output against f64", f32.y.to_vector(), y,
              slack * f32_bound(c, static_cast<double>(c.reduction), y), c, values, f64.y.shape());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!is_differentiable(c, i) || y.empty() || values[i].empty()) continue;
    INFO("input " << i);
    REQUIRE(f64.grads[i].defined());
    REQUIRE(f32.grads[i].defined());
    REQUIRE(f32.grads[i].shape() == c.inputs[i]);
    const Values gradient = f64.grads[i].to_vector();
    const double terms = static_cast<double>(c.reduction) * static_cast<double>(y.size()) /
                         static_cast<double>(values[i].size());
    check_close(fmt::format("f32 gradient of input {} against f64", i), f32.grads[i].to_vector(),
                gradient, slack * f32_bound(c, std::max(terms, double(c.reduction)), gradient), c,
                values, c.inputs[i]);
    if (values.size() > 1)
      check_same(fmt::format("only input {} needs a gradient", i),
                 forward_backward(c, ctx, DType::f32, values, static_cast<int>(i)), f32);
  }
  check_same("f32, the same run again", forward_backward(c, ctx, DType::f32, values), f32);
  CHECK(same_bits(forward(c, ctx, DType::f32, values), f32.y));
  return f32;
}

}  // namespace

std::string inputs_at(const OpCase& c, const std::vector<Values>& values, const Shape& shape,
                      size_t at) {
  std::vector<int64_t> place(static_cast<size_t>(shape.rank()));
  auto rest = static_cast<int64_t>(at);
  for (size_t axis = place.size(); axis-- > 0; rest /= shape[static_cast<int>(axis)])
    place[axis] = rest % shape[static_cast<int>(axis)];
  std::string there;
  for (size_t i = 0; i < values.size(); ++i) {
    if (c.inputs[i] != shape && values[i].size() != 1) continue;
    there += fmt::format("{} input {} is {:.9g}", there.empty() ? ", where" : " and", i,
                         values[i][values[i].size() == 1 ? 0 : at]);
  }
  return fmt::format(" at [{}]{}", fmt::join(place, ", "), there);
}

Values case_values(const OpCase& c, size_t i) {
  if (i < c.values.size() && !c.values[i].empty()) return c.values[i];
  const Philox philox(c.seed, Stream::data, 0, fmt::format("input {}", i));
  Values values(static_cast<size_t>(c.inputs[i].numel()));
  for (size_t j = 0; j < values.size(); ++j) {
    double v = c.low + (c.high - c.low) * philox.uniform(j);
    for (double kink : c.kinks)
      if (std::abs(v - kink) < kink_margin) v = v < kink ? kink - kink_margin : kink + kink_margin;
    values[j] = to_f32(v);
  }
  return values;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

GuardedMemory::GuardedMemory(CachingAllocator& memory)
    : memory_(memory), breaks_(memory.counters().guard_breaks) {
  memory_.set_guards(true);
  memory_.set_poison(true);
}

GuardedMemory::~GuardedMemory() {
  memory_.set_guards(false);
  memory_.set_poison(false);
  const int64_t broken = memory_.counters().guard_breaks - breaks_;
  CHECK(broken == 0);
}

void op_check(const OpCase& c) {
  INFO("op_check " << c.name << ", seed " << c.seed << (testing_cuda() ? ", cuda" : ""));
  const std::vector<Values> values = all_values(c);
  CpuContext one(1), two(2), seven(7);
  const GuardedMemory guarded(host_memory());

  const Result f64 = forward_backward(c, &one, DType::f64, values);
  if (c.naive) {
    const Values expected = c.naive(values);
    check_close("f64 output against the naive loop", f64.y.to_vector(), expected,
                1e-11 * std::max(1.0, largest(expected)), c, values, f64.y.shape());
  }
  if (testing_cuda()) {  // the CPU's own checks are the run's without --device cuda
    const GuardedMemory on_device(memory_of(test_device()));
    check_f32(c, test_device(), values, f64, gpu_slack);
    check_rows(c, test_device(), DType::f32, values, f64.y, gpu_slack);
    return;
  }
  const Result f32 = check_f32(c, &one, values, f64, 1);
  check_rows(c, &one, DType::f64, values, f64.y, 1);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!is_differentiable(c, i) || f64.y.numel() == 0 || values[i].empty()) continue;
    REQUIRE(f64.grads[i].shape() == c.inputs[i]);
    check_differences(c, values, i, f64.grads[i].to_vector());
  }
  for (CpuContext* ctx : {&two, &seven}) {
    const std::string threads = fmt::format("{} threads against 1", ctx->threads());
    check_same("f32, " + threads, forward_backward(c, ctx, DType::f32, values), f32);
    check_same("f64, " + threads, forward_backward(c, ctx, DType::f64, values), f64);
  }
  CHECK(same_bits(forward(c, &two, DType::f32, values), f32.y));
}

void check_shape_error(const std::function<void()>& fn, const std::string& text) {
  INFO("expected a ShapeError with: " << text);
  try {
    fn();
  } catch (const ShapeError& e) {
    const std::string message = e.what();
    INFO("message: " << message);
    CHECK(message.find(text) != std::string::npos);
    CHECK(message.find(".cpp:") != std::string::npos);
    return;
  }
  FAIL_CHECK("no ShapeError was thrown");
}

}  // namespace weft
