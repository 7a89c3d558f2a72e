// Per-task gradients: which parameters have rows, their Grams, and the weighted sum.
#include "models/balance/per_task_gradients.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "engine/error.h"
#include "engine/sweep.h"
#include "models/balance/gradient_dots.h"
#include "models/balance/gradient_sums.h"

namespace weft {

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
    out.places_[&p] = place;
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

size_t TaskGradients::place_of(const Parameter& p) const {
  const auto found = places_.find(&p);
  if (found == places_.end())
    throw Error(fmt::format("per-task gradients: '{}' is not shared; shared() lists what has rows",
                            p.name));
  return found->second;
}

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

void TaskGradients::measure_gram() const {
  if (!std::exchange(measured_, true)) measure(0, rows_);
}

void TaskGradients::read_grams() const {
  if (!read_.empty() || shared_.empty()) return;
  measure_gram();
  read_ = to_host(context_, grams_.rows(0, static_cast<int64_t>(shared_.size()))).to_vector();
}

std::vector<double> TaskGradients::gram() const { return gram(shared_); }

std::vector<double> TaskGradients::gram(const std::vector<Parameter*>& group) const {
  read_grams();
  const size_t size = tasks_.size() * tasks_.size();
  std::vector<double> sum(size, 0.0);
  for (const Parameter* p : group) {
    const double* const own = read_.data() + place_of(*p) * size;
    for (size_t i = 0; i < size; ++i) sum[i] += own[i];
  }
  return sum;
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
  read_.clear();
  measured_ = false;
}

void TaskGradients::check_weights(const std::vector<double>& weights) const {
  if (weights.size() != tasks_.size())
    throw Error(fmt::format("per-task gradients: {} weights for {} rows; one for each of tasks()",
                            weights.size(), tasks_.size()));
}

void TaskGradients::combine(const std::vector<double>& weights) {
  check_weights(weights);
  if (keep_) return combine(weights, shared_);
  if (!again_)
    throw Error("per-task gradients: without keep combine() comes once, as it frees the tape");
  again_->run_weighted(weights, shared_);
  again_.reset();
}

void TaskGradients::combine(const std::vector<double>& weights,
                            const std::vector<Parameter*>& group) {
  check_weights(weights);
  if (group.empty()) return;
  std::vector<Tensor> sums;
  on_device_full(context_, group[0]->value.dtype(), [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    std::vector<kernels::GradientSum<T>> parameters;
    for (const Parameter* p : group) {
      const std::vector<Tensor>& g = rows(*p);
      const Tensor& sum =
          sums.emplace_back(Tensor::empty(p->value.shape(), p->value.dtype(), memory_of(context_)));
      auto& own = parameters.emplace_back();
      for (size_t i = 0; i < g.size(); ++i)
        if (g[i].defined()) own.terms.push_back({g[i].template data<const T>(), weights[i]});
      own.n = sum.numel();
      own.to = sum.template data<T>();
    }
    kernels::gradient_sums<T>(ctx, parameters);
  });
  for (size_t i = 0; i < group.size(); ++i)
    add_gradient(context_, group[i]->grad, std::move(sums[i]));
}

}  // namespace weft
