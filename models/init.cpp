// Initial values are drawn on the host in f64 and rounded once, so that every backend and dtype
// starts from the same numbers.
#include "models/init.h"

#include <cmath>
#include <vector>

#include "engine/device_tensor.h"
#include "engine/philox.h"

namespace weft::init {
namespace {

template <class F>
void assign(const AnyContext& context, Parameter& p, F&& value_at) {
  std::vector<double> values(static_cast<size_t>(p.value.numel()));
  CpuContext host;
  host.for_chunks(p.value.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values[static_cast<size_t>(i)] = value_at(i);
  });
  const Tensor host_value = Tensor::from(p.value.shape(), values, p.value.dtype());
  copy_to(context, p.value, host_value);
}

}  // namespace

void constant(const AnyContext& context, Parameter& p, double value) {
  fill_with(context, p.value, value);
}

void normal(const AnyContext& context, Parameter& p, uint64_t seed, double std, double mean) {
  const Philox words(seed, Stream::init, 0, p.name);
  assign(context, p,
         [&](int64_t i) { return mean + std * words.normal(static_cast<uint64_t>(i)); });
}

void kaiming_normal(const AnyContext& context, Parameter& p, uint64_t seed) {
  const Shape& s = p.value.shape();
  const int64_t fan_out = s.rank() == 4 ? s[0] * s[1] * s[2] : s[0];
  normal(context, p, seed, std::sqrt(2.0 / static_cast<double>(fan_out)));
}

void uniform_fan_in(const AnyContext& context, Parameter& p, uint64_t seed, int64_t fan_in) {
  const Philox words(seed, Stream::init, 0, p.name);
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  assign(context, p,
         [&](int64_t i) { return bound * (2.0 * words.uniform(static_cast<uint64_t>(i)) - 1.0); });
}

}  // namespace weft::init
