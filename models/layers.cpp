// Layers: creation and the calls to their ops.
#include "models/layers.h"

#include <algorithm>

#include "ops/cast.h"
#include "ops/linear.h"

namespace weft {
namespace {

void fill(ParameterStore& store, Parameter& p, const Init& init, int64_t fan_in) {
  switch (init.kind) {
    case Init::Kind::normal:
      return init::normal(store.context(), p, init.seed, 0.01);
    case Init::Kind::kaiming_normal:
      return init::kaiming_normal(store.context(), p, init.seed);
    case Init::Kind::uniform_fan_in:
      return init::uniform_fan_in(store.context(), p, init.seed, fan_in);
  }
}

Parameter& add_bias(ParameterStore& store, const std::string& name, int64_t out, const Init& init,
                    int64_t fan_in) {
  Parameter& bias = store.add(name + ".bias", {out});
  if (init.kind == Init::Kind::uniform_fan_in)
    init::uniform_fan_in(store.context(), bias, init.seed, fan_in);
  else
    init::constant(store.context(), bias, 0);
  return bias;
}

/// The group of every task present, in task order.
std::vector<int> groups_by_task(const Groups& groups) {
  std::vector<std::pair<int, int>> tasks;
  for (size_t g = 0; g < groups.size(); ++g)
    for (int task : groups[g]) tasks.emplace_back(task, static_cast<int>(g));
  std::sort(tasks.begin(), tasks.end());
  std::vector<int> out;
  for (const auto& [task, group] : tasks) out.push_back(group);
  return out;
}

}  // namespace

Conv::Conv(ParameterStore& store, const std::string& name, int64_t in, int64_t out, int64_t kernel,
           const Conv2dOptions& options, bool bias, const Init& init)
    : weight_(&store.add(name + ".weight", {out, kernel, kernel, in})), options_(options) {
  const int64_t fan_in = kernel * kernel * in;
  fill(store, *weight_, init, fan_in);
  if (bias) bias_ = &add_bias(store, name, out, init, fan_in);
}

Var Conv::operator()(Pass& pass, const Var& x) const {
  const Var w = cast(pass.tape, pass.tape.use(*weight_), x.dtype());
  if (bias_ == nullptr) return conv2d(pass.tape, x, w, options_);
  return conv2d(pass.tape, x, w, cast(pass.tape, pass.tape.use(*bias_), x.dtype()), options_);
}

Macs conv_macs(const Conv& conv, Shape& x) {
  const Conv2dShape shape(x, conv.weight().value.shape(), conv.options());
  x = shape.output();
  return {conv2d_macs(shape), conv2d_useful_macs(shape)};
}

BatchNorm::BatchNorm(ParameterStore& store, const std::string& name, int64_t channels)
    : gamma_(&store.add(name + ".weight", {channels})),
      beta_(&store.add(name + ".bias", {channels})),
      stats_(&store.add_stats(name, channels)) {
  init::constant(store.context(), *gamma_, 1.0);
  init::constant(store.context(), *beta_, 0.0);
}

Var BatchNorm::operator()(Pass& pass, const Var& x, bool relu) const {
  BatchNormOptions options;
  options.training = pass.training;
  options.relu = relu;
  set_running_update(options, static_cast<int>(pass.groups.size()), groups_by_task(pass.groups));
  return batch_norm(pass.tape, x, pass.tape.use(*gamma_), pass.tape.use(*beta_), *stats_, options);
}

Linear::Linear(ParameterStore& store, const std::string& name, int64_t in, int64_t out,
               const Init& init, bool bias)
    : weight_(&store.add(name + ".weight", {out, in})) {
  fill(store, *weight_, init, in);
  if (bias) bias_ = &add_bias(store, name, out, init, in);
}

Var Linear::operator()(Pass& pass, const Var& x) const {
  const Var w = cast(pass.tape, pass.tape.use(*weight_), x.dtype());
  if (bias_ == nullptr) return linear(pass.tape, x, w);
  return linear(pass.tape, x, w, cast(pass.tape, pass.tape.use(*bias_), x.dtype()));
}

}  // namespace weft
