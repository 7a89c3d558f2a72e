// Layers: creation and the calls to their ops.
#include "models/layers.h"

#include <algorithm>

#include "engine/error.h"
#include "ops/concat.h"
#include "ops/linear.h"
#include "ops/slice.h"

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

/// Group g's rows of what is stacked for pass.groups.
Var group_of(const Pass& pass, const Var& x, size_t g) {
  const auto groups = static_cast<int64_t>(pass.groups.size());
  if (groups == 1) return x;
  const int64_t rows = x.shape()[0] / groups;
  return slice(x, 0, static_cast<int64_t>(g) * rows, rows);
}

}  // namespace

Var Pass::use(Parameter& p) const {
  if (reach == nullptr) return tape.use(p);
  std::vector<int> tasks;
  for (const auto& group : groups) tasks.insert(tasks.end(), group.begin(), group.end());
  return use(p, tasks);
}

Var Pass::use(Parameter& p, const std::vector<int>& tasks) const {
  const Var x = tape.use(p);
  return reach == nullptr ? x : where_reached(x, reach, tasks);
}

Conv::Conv(ParameterStore& store, const std::string& name, int64_t in, int64_t out, Extent2 kernel,
           const Conv2dOptions& options, bool bias, const Init& init)
    : weight_(&store.add(name + ".weight", {out, kernel.h, kernel.w, in / options.groups})),
      options_(options) {
  const int64_t fan_in = weight_->value.shape().inner(1);
  fill(store, *weight_, init, fan_in);
  if (bias) bias_ = &add_bias(store, name, out, init, fan_in);
}

Var Conv::operator()(Pass& pass, const Var& x) const {
  const LayerScope scope(layer_of(weight_->name));
  const Var w = pass.use(*weight_);
  if (bias_ == nullptr) return conv2d(x, w, options_);
  return conv2d(x, w, pass.use(*bias_), options_);
}

Grid Conv::grid(const Grid& in) const {
  return in.through(weight_->value.shape()[1], options_.stride.h, options_.padding.h,
                    options_.dilation.h);
}

Macs conv_macs(const Conv& conv, Shape& x) {
  const Conv2dShape shape(x, conv.weight().value.shape(), conv.options());
  x = shape.output();
  return {conv2d_macs(shape), conv2d_useful_macs(shape)};
}

BatchNorm::BatchNorm(ParameterStore& store, const std::string& name, int64_t channels,
                     const NormTasks& own, double eps, double momentum)
    : per_task_(!own.tasks.empty()),
      affine_(per_task_ && own.affine),
      eps_(eps),
      momentum_(momentum) {
  const std::vector<std::string> tasks = per_task_ ? own.tasks : std::vector<std::string>{""};
  for (const std::string& task : tasks) {
    const std::string set = task.empty() ? name : name + "." + task;
    if (sets_.empty() || affine_) {
      const std::string place = affine_ ? set : name;
      Parameter& gamma = store.add(place + ".weight", {channels}, /*norm=*/true);
      Parameter& beta = store.add(place + ".bias", {channels}, /*norm=*/true);
      init::constant(store.context(), gamma, 1.0);
      init::constant(store.context(), beta, 0.0);
      sets_.push_back({&gamma, &beta, nullptr});
    } else {
      sets_.push_back(sets_[0]);
    }
    sets_.back().stats = &store.add_stats(set, channels);
  }
}

BatchNormOptions BatchNorm::options_for(const Pass& pass) const {
  BatchNormOptions options;
  options.training = pass.training;
  options.over_ranks = pass.norm_over_ranks;
  options.eps = eps_;
  if (per_task_)  // each group moves its own set, as a pass for it alone would
    set_running_update(options, 1, pass.track ? std::vector<int>{0} : std::vector<int>{},
                       momentum_);
  else
    set_running_update(options, static_cast<int>(pass.groups.size()),
                       pass.track ? groups_by_task(pass.groups) : std::vector<int>{}, momentum_);
  return options;
}

/// The one set, or each group's; of tasks that share a group, the others follow.
std::vector<BatchNormStats*> BatchNorm::stats_for(Pass& pass, const Var& x,
                                                  const BatchNormOptions& options) const {
  if (!per_task_) return {sets_[0].stats};
  std::vector<BatchNormStats*> stats;
  for (size_t g = 0; g < pass.groups.size(); ++g) {
    const std::vector<int>& tasks = pass.groups[g];
    stats.push_back(sets_.at(static_cast<size_t>(tasks[0])).stats);
    for (size_t i = 1; pass.training && i < tasks.size(); ++i)
      track_running(group_of(pass, x, g), *sets_.at(static_cast<size_t>(tasks[i])).stats, options);
  }
  return stats;
}

/// Each group by its task's weight and bias, as the tasks' own passes would.
Var BatchNorm::by_task(Pass& pass, const Var& x, const BatchNormOptions& options) const {
  std::vector<Var> out;
  for (size_t g = 0; g < pass.groups.size(); ++g) {
    const std::vector<int>& tasks = pass.groups[g];
    if (tasks.size() > 1)
      throw Error("batch norm by task: tasks share a value that is not the same");
    const Set& set = sets_.at(static_cast<size_t>(tasks[0]));
    const LayerScope scope(layer_of(set.gamma->name));
    out.push_back(batch_norm(group_of(pass, x, g), pass.use(*set.gamma, tasks),
                             pass.use(*set.beta, tasks), *set.stats, options));
  }
  return out.size() == 1 ? out[0] : concat(out, 0);
}

Var BatchNorm::operator()(Pass& pass, const Var& x, bool relu) const {
  const LayerScope scope(layer_of(sets_[0].gamma->name));
  BatchNormOptions options = options_for(pass);
  options.relu = relu;
  if (affine_) return by_task(pass, x, options);
  const Set& set = sets_[0];
  return batch_norm(x, pass.use(*set.gamma), pass.use(*set.beta), stats_for(pass, x, options),
                    options);
}

Var BatchNorm::end(Pass& pass, const Var& x, const Var& r,
                   const std::vector<GroupGate>& gates) const {
  const LayerScope scope(layer_of(sets_[0].gamma->name));
  const BatchNormOptions options = options_for(pass);
  const Set& set = sets_[0];
  return block_end(x, pass.use(*set.gamma), pass.use(*set.beta), stats_for(pass, x, options), r,
                   gates, options);
}

Linear::Linear(ParameterStore& store, const std::string& name, int64_t in, int64_t out,
               const Init& init, bool bias)
    : weight_(&store.add(name + ".weight", {out, in})) {
  fill(store, *weight_, init, in);
  if (bias) bias_ = &add_bias(store, name, out, init, in);
}

Var Linear::operator()(Pass& pass, const Var& x) const {
  const LayerScope scope(layer_of(weight_->name));
  const Var w = pass.use(*weight_);
  if (bias_ == nullptr) return linear(x, w);
  return linear(x, w, pass.use(*bias_));
}

}  // namespace weft
