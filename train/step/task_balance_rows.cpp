// TaskBalance's methods on the gradients' elements: rows on the host, parameter by parameter, and
// back where the context computes. Also what a step's parts pass on.
#include <algorithm>

#include "engine/sweep.h"
#include "ops/pointwise.h"
#include "train/step/finite.h"
#include "train/step/task_balance.h"
#include "train/step/task_balance_step.h"

namespace weft {
namespace {

template <class T>
std::span<T> span_of(const Tensor& host) {
  return {host.data<T>(), static_cast<size_t>(host.numel())};
}

/// f(float or double): what parameters are of.
template <class F>
void with_number_type(DType dtype, F&& f) {
  if (dtype == DType::f64)
    f(double{});
  else
    f(float{});
}

}  // namespace

std::vector<std::optional<Var>> PresentTasks::scaled(const std::vector<double>& factors,
                                                     size_t all) const {
  std::vector<std::optional<Var>> out(all);
  for (size_t i = 0; i < tasks.size(); ++i)
    out[tasks[i]] = scale(losses[i], lambdas[i] * factors[i]);
  return out;
}

std::string stage_of(const std::string& parameter) {
  std::vector<std::string> words{""};
  for (const char c : parameter) {
    if (c == '.')
      words.emplace_back();
    else
      words.back() += c;
  }
  const size_t first = words[0] == "trunks" && words.size() > 2 ? 2 : 0;
  const std::string& word = words[first];
  if (word == "conv1" || word == "bn1") return "stem";  // a ResNet's
  const bool numbered = (word == "blocks" || word == "features") && first + 1 < words.size();
  return numbered ? word + "." + words[first + 1] : word;
}

void keep_shared(std::vector<Parameter*>& group, const std::vector<Parameter*>& shared) {
  std::erase_if(group, [&](Parameter* p) {
    return std::find(shared.begin(), shared.end(), p) == shared.end();
  });
}

/// Averages and sums of elements where the method keeps them, then weights; or d, element by
/// element.
void TaskBalance::by_rows(TaskGradients& g, const std::vector<double>& v) {
  const size_t m = method_step_.tasks.size();
  for (const Parameter* p : g.shared())
    for (const Tensor& row : g.rows(*p))
      if (row.defined() && count_nonfinite(to_host(context_, row)) > 0) {
        asked_ = false;  // nothing may remember it, and the verdict on the gradients finds it
        return g.combine(std::vector<double>(m, 1.0));
      }
  if (method_->elementwise()) {
    note_weights(v, ask(*method_, method_step_)[0]);
    return by_elements(g);
  }
  method_step_.sums.assign(m, 0.0);
  for (Parameter* p : g.shared()) absorb(g, *p);
  method_step_.grams.emplace_back(m, g.gram());
  const balance::Vector w = ask(*method_, method_step_)[0];
  g.combine(w);
  note_weights(v, w);
}

void TaskBalance::absorb(TaskGradients& g, const Parameter& p) {
  const std::vector<Tensor>& rows = g.own_rows(p);
  std::vector<Tensor>& kept = kept_new_[p.name];
  kept.resize(run_.tasks.size());
  with_number_type(p.value.dtype(), [&](auto zero) {
    using T = decltype(zero);
    BalanceRows<T> spans{p.name, 0, {}, {}};
    std::vector<Tensor> host;
    for (size_t i = 0; i < rows.size(); ++i) {
      host.push_back(to_host(context_, rows[i]));
      Tensor& own = kept[method_step_.tasks[i]];
      own = own.defined() ? own.clone() : Tensor::zeros(p.value.shape(), p.value.dtype());
      spans.g.push_back(span_of<T>(host[i]));
      spans.kept.push_back(span_of<T>(own));
    }
    const balance::Vector sums = method_->absorb(method_step_, spans);
    for (size_t i = 0; i < rows.size(); ++i) {
      method_step_.sums[i] += sums[i];
      if (!rows[i].on_host()) std::visit([&](auto* ctx) { ctx->copy(rows[i], host[i]); }, context_);
    }
  });
}

void TaskBalance::by_elements(TaskGradients& g) const {
  for (Parameter* p : g.shared())
    with_number_type(p->value.dtype(), [&](auto zero) {
      using T = decltype(zero);
      BalanceRows<T> spans{p->name, 0, {}, {}};
      std::vector<Tensor> host;
      for (const Tensor& row : g.rows(*p)) {
        host.push_back(row.defined() ? to_host(context_, row)
                                     : Tensor::zeros(p->value.shape(), p->value.dtype()));
        spans.g.push_back(span_of<T>(host.back()));
      }
      const Tensor d = Tensor::empty(p->value.shape(), p->value.dtype());
      method_->combine(method_step_, spans, span_of<T>(d));
      add_gradient(context_, p->grad, to_device(context_, d));
    });
}

}  // namespace weft
