// compare_ops: one probe after the other, each way against f64; errors first, then times.
#include <cmath>

#include "engine/error.h"
#include "engine/philox.h"
#include "ops/cast.h"
#include "train/compare/ceiling.h"
#include "train/compare/compare.h"

namespace weft {
namespace {

using Values = std::vector<double>;

/// bf16's 8 bits, to nearest even, as a GPU rounds.
double to_bf16(double value) {
  const int exponent = std::ilogb(value);
  const double unit = std::ldexp(1.0, exponent - 7);
  return value == 0 ? 0 : std::nearbyint(value / unit) * unit;
}

/// Uniform in (-1, 1), rounded so that every way starts from the same numbers.
Values random_values(const Shape& shape, const std::string& name, bool for_bf16) {
  const Philox words(11, Stream::data, 0, name);
  Values values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    const double v = static_cast<double>(static_cast<float>(2 * words.uniform(i) - 1));
    values[i] = for_bf16 ? to_bf16(v) : v;
  }
  return values;
}

struct Case {
  const OpProbe& probe;
  const Way& way;
  bool rounded;  ///< inputs fit bf16

  AnyContext context() const { return way.on->context(); }
  DType compute() const { return probe.full ? way.stored() : way.compute(); }
  Tensor input(size_t i) const {
    const Shape& shape = probe.inputs[i];
    const std::string name = probe.name + std::to_string(i);
    return to_device(context(),
                     Tensor::from(shape, random_values(shape, name, rounded), way.stored()));
  }
  Values host(const Tensor& t) const { return to_host(context(), t).to_vector(); }
};

/// The output and every gradient, dL/dy random as well.
std::vector<Values> results(const Case& c) {
  Tape tape(c.context());
  std::vector<Var> leaves, inputs;
  for (size_t i = 0; i < c.probe.inputs.size(); ++i) {
    leaves.push_back(tape.leaf(c.input(i)));
    inputs.push_back(cast(leaves.back(), c.compute()));
  }
  const Var y = cast(c.probe.op(inputs), c.way.stored());
  const Values dy = random_values(y.shape(), c.probe.name + "dy", c.rounded);
  tape.backward(y, to_device(c.context(), Tensor::from(y.shape(), dy, c.way.stored())));
  std::vector<Values> out = {c.host(y.value())};
  for (const Var& leaf : leaves)
    out.push_back(tape.grad(leaf).defined() ? c.host(tape.grad(leaf)) : Values{});
  return out;
}

OpTime time_of(const Case& c) {
  const AnyContext context = c.context();
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < c.probe.inputs.size(); ++i) {
    Tape tape(context, Tape::Mode::no_grad);
    inputs.push_back(cast(tape.constant(c.input(i)), c.compute()).value());
  }
  size_t bytes = 0;
  for (const Tensor& t : inputs) bytes += t.bytes();
  const auto forward = [&](Tape::Mode mode, bool back) {
    Tape tape(context, mode);
    std::vector<Var> vars;
    for (const Tensor& t : inputs) vars.push_back(tape.leaf(t));
    const Var y = c.probe.op(vars);
    if (back) tape.backward(y, y.value());
    return y.value().bytes();
  };
  bytes += forward(Tape::Mode::no_grad, false);
  OpTime time;
  time.op = c.probe.name;
  time.way = c.way.name;
  time.forward_ms = least_milliseconds(context, 3, [&] { forward(Tape::Mode::no_grad, false); });
  const double both = least_milliseconds(context, 3, [&] { forward(Tape::Mode::train, true); });
  time.backward_ms = std::max(0.0, both - time.forward_ms);
  time.gflops = 2e-6 * c.probe.macs / time.forward_ms;
  time.gbs = 1e-6 * static_cast<double>(bytes) / time.forward_ms;
  time.share = c.probe.macs > 0 ? time.gflops / c.way.gflops : time.gbs / c.way.gbs;
  return time;
}

}  // namespace

OpError error_between(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) throw Error("compare: results differ in size");
  double apart = 0, size = 0;
  OpError e;
  for (size_t i = 0; i < b.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    if (!std::isnan(e.largest) && !(d <= e.largest)) e.largest = d;  // a NaN stays
    apart += d * d;
    size += b[i] * b[i];
  }
  e.relative = std::sqrt(apart) / (size > 0 ? std::sqrt(size) : 1.0);
  return e;
}

double op_bound(const OpProbe& probe, const Way& way, double terms) {
  const double sums = std::ldexp(8 + 2 * std::sqrt(terms), -23);
  if (way.precision == Precision::tf32 && probe.macs > 0) return sums + std::ldexp(1.0, -9);
  // A CPU's products are of inputs that fit bf16, summed in f32.
  if (way.compute() == DType::bf16 && !probe.full) return sums + std::ldexp(1.0, -6);
  return sums;
}

void compare_ops(Comparison& comparison, const std::vector<OpProbe>& probes, const Saying& say) {
  for (const OpProbe& probe : probes) {
    say(probe.name);
    std::vector<Values> exact[2];  // from plain inputs, and from those that fit bf16
    for (const Way& way : comparison.ways) {
      const bool rounded = way.precision == Precision::bf16;
      if (exact[rounded].empty()) exact[rounded] = results({probe, comparison.ways[0], rounded});
      const Case c{probe, way, rounded};
      comparison.times.push_back(time_of(c));
      if (&way == &comparison.ways[0]) continue;
      const std::vector<Values> found = results(c);
      const std::vector<Values>& want = exact[rounded];
      for (size_t i = 0; i < want.size(); ++i) {
        if (want[i].empty()) continue;
        OpError e = error_between(found[i], want[i]);
        e.op = probe.name;
        e.tensor = i == 0 ? "y" : fmt::format("d{}", i - 1);
        e.way = way.name;
        // A gradient sums as many terms more as the output has elements for each of its own.
        const double spread = static_cast<double>(want[0].size()) /
                              static_cast<double>(std::max<size_t>(1, want[i].size()));
        e.bound = op_bound(probe, way, static_cast<double>(probe.terms) * std::max(1.0, spread));
        comparison.errors.push_back(e);
      }
    }
  }
}

}  // namespace weft
