// Stitch: one fused sum, or, with a weight for each channel, products and sums of whole maps.
#include "models/sharing/stitch.h"

#include "engine/device_tensor.h"
#include "ops/cast.h"
#include "ops/pointwise.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/weighted_sum.h"

namespace weft {

Stitch::Stitch(ParameterStore& store, const std::string& name, const std::vector<double>& initial,
               int64_t channels) {
  const ParameterStore::Making making(store, Part::stitch);
  const auto m = static_cast<int64_t>(initial.size());
  weights_ = &store.add("sharing.stitch." + name, channels > 0 ? Shape{m, channels} : Shape{m});
  std::vector<double> values;
  for (double a : initial)
    values.insert(values.end(), static_cast<size_t>(channels ? channels : 1), a);
  const Tensor host = Tensor::from(weights_->value.shape(), values, weights_->value.dtype());
  copy_to(store.context(), weights_->value, host);
}

Var Stitch::operator()(Pass& pass, const std::vector<Var>& x) const {
  const LayerScope scope(weights_->name);
  const Var weights = pass.tape.use(*weights_);
  if (weights.shape().rank() == 1) return weighted_sum(x, weights);
  const Var by_channel = cast(weights, x[0].dtype());
  Var sum;
  for (size_t j = 0; j < x.size(); ++j) {
    const Var a =
        reshape(slice(by_channel, 0, static_cast<int64_t>(j), 1), {by_channel.shape()[1]});
    const Var term = mul(x[j], a);
    sum = j == 0 ? term : add(sum, term);
  }
  return sum;
}

std::vector<double> mostly_own(size_t m, size_t at, double own) {
  std::vector<double> a(m, m > 1 ? (1 - own) / static_cast<double>(m - 1) : 1.0);
  if (m > 1) a[at] = own;
  return a;
}

}  // namespace weft
