// Per-task gradients: which parameters have rows, their Grams, and the weighted sum.
#include "models/balance/per_task_gradients.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "engine/device.h"
#include "engine/error.h"
#include "engine/sweep.h"
#include "models/balance/gradient_dots.h"
#include "models/balance/gradient_sums.h"

namespace weft {

namespace {

size_t place_in(const std::unordered_map<const Parameter*, size_t>& places, const Parameter& p) {
  const auto found = places.find(&p);
  if (found == places.end())
    throw Error(fmt::format("per-task gradients: '{}' is not shared; shared() lists what has rows",
                            p.name));
  return found->second;
}

}  // namespace

std::vector<double> ParameterGrams::sum(const std::vector<Parameter*>& group) const {
  std::vector<double> sum(size_, 0.0);
  for (const Parameter* p : group) {
    const double* const own = values_.data<double>() + place_in(*places_, *p) * size_;
    for (size_t i = 0; i < size_; ++i) sum[i] += own[i];
  }
  return sum;
}

std::vector<std::vector<Parameter*>> layers_of(const std::vector<Parameter*>& parameters) {
  std::vector<std::vector<Parameter*>> layers;
  std::unordered_map<std::string, size_t> places;
  for (Parameter* p : parameters) {
    const size_t dot = p->name.rfind('.');
    const auto [place, added] = places.emplace(p->name.substr(0, dot), layers.size());
    if (added) layers.emplace_back();
    layers[place->second].push_back(p);
  }
  return layers;
}

TaskGradients per_task_gradients(const std::vector<std::optional<Var>>& losses,
                                 const std::optional<std::vector<Parameter*>>& shared,
                                 PerTaskOptions options) {
  std::vector<Var> present;
  std::vector<size_t> tasks;
  for (size_t k = 0; k < losses.size(); ++k)
    if (losses[k]) {
      present.push_back(*losses[k]);
      tasks.push_back(k);
    }
  if (present.empty())
    throw Error("per-task gradients: no loss is there; a batch without any label has no gradient");
  std::unordered_set<const Parameter*> listed;
  if (shared) listed.insert(shared->begin(), shared->end());
  const auto is_shared = [&](const Parameter& p, int by) {
    return shared ? listed.count(&p) > 0 : by > 1;
  };
  const AnyContext context = present[0].tape().context();
  auto joint = std::make_unique<JointBackward>(
      present, options.keep ? JointBackward::Again{} : JointBackward::Again{is_shared});

  TaskGradients out(context, std::move(tasks), options.keep);
  const auto k = static_cast<int64_t>(present.size());
  out.grams_ = Tensor::empty({static_cast<int64_t>(joint->parameters()), k, k}, DType::f64,
                             memory_of(context));
  joint->run([&](Parameter& p, std::vector<Tensor>& gradients) {
    const auto by = std::count_if(gradients.begin(), gradients.end(),
                                  [](const Tensor& g) { return g.defined(); });
    if (!is_shared(p, static_cast<int>(by))) {
      for (Tensor& g : gradients)
        if (g.defined()) add_gradient(context, p.grad, std::move(g));
      return;
    }
    const size_t place = out.shared_.size();
    (*out.places_)[&p] = place;
    out.shared_.push_back(&p);
    if (options.keep)
      out.rows_.push_back(std::move(gradients));
    else
      out.measure(place, {gradients});
  });
  std::reverse(out.shared_.begin(), out.shared_.end());
  if (!options.keep) out.again_ = std::move(joint);
  return out;
}

std::vector<Parameter*> shared_parameters(const std::vector<Var>& predictions) {
  std::vector<Parameter*> shared;
  std::unordered_map<const Parameter*, int> count;
  for (const Var& prediction : predictions)
    for (Parameter* p : Sweep::parameters_of(
             prediction.tape(), Sweep::reached_from(prediction.tape(), prediction.node())))
      if (++count[p] == 2) shared.push_back(p);
  if (shared.empty()) return shared;
  const auto leaves = Sweep::leaves_of(predictions[0].tape());
  std::sort(shared.begin(), shared.end(),
            [&](const Parameter* a, const Parameter* b) { return leaves->at(a) < leaves->at(b); });
  return shared;
}

size_t TaskGradients::place_of(const Parameter& p) const { return place_in(*places_, p); }

void TaskGradients::measure(size_t first, const std::vector<std::vector<Tensor>>& rows) const {
  if (rows.empty()) return;
  const auto k = static_cast<int64_t>(tasks_.size());
  const auto some = [](const std::vector<Tensor>& g) {
    return std::find_if(g.begin(), g.end(), [](const Tensor& t) { return t.defined(); });
  };
  on_device_full(context_, some(rows[0])->dtype(), [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    std::vector<kernels::GradientRows<T>> parameters;
    for (size_t i = 0; i < rows.size(); ++i) {
      double* const out = grams_.data<double>() + static_cast<int64_t>(first + i) * k * k;
      auto& p = parameters.emplace_back();
      for (const Tensor& g : rows[i])
        p.rows.push_back(g.defined() ? g.template data<const T>() : nullptr);
      p.n = some(rows[i])->numel();
      p.out = out;
    }
    kernels::gradient_dots<T>(ctx, parameters);
  });
}

ParameterGrams TaskGradients::grams_later() const {
  if (!std::exchange(measured_, true)) measure(0, rows_);
  const Tensor measured = grams_.rows(0, static_cast<int64_t>(shared_.size()));
  Tensor values = host_room(context_, measured.shape(), DType::f64);
  if (!shared_.empty()) copy_in_order(context_, values, measured);
  return {places_, std::move(values), tasks_.size() * tasks_.size()};
}

std::vector<double> TaskGradients::gram(const std::vector<Parameter*>& group) const {
  if (!read_) {
    read_ = grams_later();
    synchronize(context_);
  }
  return read_->sum(group);
}

const std::vector<Tensor>& TaskGradients::rows(const Parameter& p) const {
  const size_t place = place_of(p);
  if (!keep_) throw Error("per-task gradients: keep = false holds their Grams alone, no rows");
  return rows_[place];
}

void TaskGradients::set_rows(const Parameter& p, std::vector<Tensor> rows) {
  bool fit = rows.size() == this->rows(p).size();
  for (const Tensor& row : rows)
    fit = fit && row.defined() && row.shape() == p.value.shape() && row.dtype() == p.value.dtype();
  if (!fit)
    throw Error(fmt::format("per-task gradients: rows of '{}' have to be {} of shape {}", p.name,
                            tasks_.size(), p.value.shape()));
  rows_[place_of(p)] = std::move(rows);
  read_.reset();
  measured_ = false;
}

void TaskGradients::check_weights(size_t count) const {
  if (count != tasks_.size())
    throw Error(fmt::format("per-task gradients: {} weights for {} rows; one for each of tasks()",
                            count, tasks_.size()));
}

void TaskGradients::combine(const std::vector<double>& weights) { combine(weights, shared_); }

void TaskGradients::combine(const std::vector<double>& weights,
                            const std::vector<Parameter*>& group) {
  check_weights(weights.size());
  const Tensor row = Tensor::from({1, static_cast<int64_t>(weights.size())}, weights, DType::f64);
  combine(to_device(context_, row), {group});
}

void TaskGradients::combine(const Tensor& weights,
                            const std::vector<std::vector<Parameter*>>& groups) {
  const auto k = static_cast<int64_t>(tasks_.size());
  if (weights.shape() != Shape{static_cast<int64_t>(groups.size()), k})
    throw Error(fmt::format("per-task gradients: weights of shape {} for {} groups and {} rows",
                            weights.shape(), groups.size(), k));
  if (!keep_) return pass_again(weights, groups);
  std::vector<std::pair<Parameter*, Tensor>> sums;
  std::vector<const double*> own_weights;
  for (size_t i = 0; i < groups.size(); ++i)
    for (Parameter* p : groups[i]) {
      sums.emplace_back(p, Tensor::empty(p->value.shape(), p->value.dtype(), memory_of(context_)));
      own_weights.push_back(weights.data<const double>() + static_cast<int64_t>(i) * k);
    }
  if (sums.empty()) return;
  on_device_full(context_, sums[0].second.dtype(), [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    std::vector<kernels::GradientSum<T>> parameters;
    for (size_t i = 0; i < sums.size(); ++i) {
      const std::vector<Tensor>& g = rows(*sums[i].first);
      auto& own = parameters.emplace_back();
      for (size_t j = 0; j < g.size(); ++j)
        if (g[j].defined())
          own.terms.push_back({g[j].template data<const T>(), own_weights[i] + j});
      own.n = sums[i].second.numel();
      own.to = sums[i].second.template data<T>();
    }
    kernels::gradient_sums<T>(ctx, parameters);
  });
  for (auto& [p, sum] : sums) add_gradient(context_, p->grad, std::move(sum));
}

/// The same without rows.
void TaskGradients::pass_again(const Tensor& weights,
                               const std::vector<std::vector<Parameter*>>& groups) {
  if (groups.size() != 1 || groups[0] != shared_)
    throw Error("per-task gradients: keep = false weighs all shared parameters alike, not groups");
  if (!again_)
    throw Error("per-task gradients: without keep combine() comes once, as it frees the tape");
  again_->run_weighted(
      [&](size_t loss, const Tensor& gradient) {
        const Tensor out = Tensor::empty(gradient.shape(), gradient.dtype(), memory_of(context_));
        on_device(context_, gradient.dtype(), [&](auto& ctx, auto zero) {
          using T = decltype(zero);
          const double* const weight = weights.data<const double>() + loss;
          kernels::gradient_sums<T>(
              ctx, {{{{gradient.data<const T>(), weight}}, out.numel(), out.data<T>()}});
        });
        return out;
      },
      shared_);
  again_.reset();
}

}  // namespace weft
