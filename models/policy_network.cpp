// PolicyNetwork: creation, call and counting.
#include "models/policy_network.h"

#include "ops/cast.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"

namespace weft {

PolicyNetwork::PolicyNetwork(ParameterStore& store, const std::string& name,
                             const PolicyNetworkOptions& options, uint64_t seed)
    : options_(options), dtype_(store.dtype()) {
  const Init init{Init::Kind::uniform_fan_in, seed};
  int64_t in = options.in_channels, out = options.width;
  for (int i = 0; i < 3; ++i, in = out, out *= 2) {
    const int64_t kernel = !options.pictures ? 1 : i == 0 ? 7 : 3;
    const int64_t stride = !options.pictures ? 1 : i == 0 ? 4 : 2;
    const Conv2dOptions layer{.stride = stride, .padding = kernel / 2};
    convs_.emplace_back(store, fmt::format("{}.conv{}", name, i + 1), in, out, kernel, layer, true,
                        init);
  }
  linear_.emplace(store, name + ".fc", in, options.outputs, init);
  init::normal(store.context(), *store.find(name + ".fc.weight"), seed, 1e-2);
  init::constant(store.context(), *store.find(name + ".fc.bias"), options.first);
}

Var PolicyNetwork::operator()(Pass& pass, const Var& images) const {
  Var x = images;
  for (const Conv& conv : convs_) x = relu(conv(pass, x));
  const int64_t n = x.shape()[0];
  return cast((*linear_)(pass, reshape(mean_over(x, {1, 2}), {n, x.shape()[3]})), dtype_);
}

Macs PolicyNetwork::cost(int64_t height, int64_t width) const {
  Shape x{1, height, width, options_.in_channels};
  Macs macs;
  for (const Conv& conv : convs_) macs += conv_macs(conv, x);
  const int64_t last = x[3] * options_.outputs;
  return macs += {last, last};
}

}  // namespace weft
