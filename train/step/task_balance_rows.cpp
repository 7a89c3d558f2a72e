// TaskBalance's methods on the gradients' elements: from a GPU all rows come to the host at once, and
// what became of them goes back without waiting.
#include <algorithm>
#include <utility>

#include "engine/device.h"
#include "engine/sweep.h"
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

/// Rows of every shared parameter that may be changed in place, zeros where a loss does not reach.
std::vector<std::vector<Tensor>> rows_on_host(const AnyContext& context, const TaskGradients& g) {
  std::vector<std::vector<Tensor>> all;
  for (const Parameter* p : g.shared()) {
    std::vector<Tensor>& rows = all.emplace_back();
    for (const Tensor& row : g.rows(*p)) {
      if (!row.defined())
        rows.push_back(Tensor::zeros(p->value.shape(), p->value.dtype()));
      else
        rows.push_back(row.on_host() ? row.clone() : fetch_later(context, row));
    }
  }
  synchronize(context);
  return all;
}

}  // namespace

/// Averages and sums of elements where the method keeps them, then weights; or d, element by
/// element.
void TaskBalance::by_rows() {
  TaskGradients& g = *gradients_;
  std::vector<std::vector<Tensor>> rows = rows_on_host(context_, g);
  if (method_->elementwise()) {
    note_weights(*step_, ask(*step_, *method_, step_->method)[0]);
    for (size_t at = 0; at < rows.size(); ++at) by_elements(*g.shared()[at], rows[at]);
    return;
  }
  step_->method.sums.assign(step_->method.tasks.size(), 0.0);
  for (size_t at = 0; at < rows.size(); ++at) {
    Parameter& p = *g.shared()[at];
    absorb(p, rows[at]);
    for (Tensor& row : rows[at]) row = to_device(context_, row);
    g.set_rows(p, std::move(rows[at]));
  }
  step_->method.grams = {balance::Matrix(step_->method.tasks.size(), g.gram())};
  const balance::Vector w = ask(*step_, *method_, step_->method)[0];
  g.combine(w);
  note_weights(*step_, w);
}

void TaskBalance::absorb(const Parameter& p, const std::vector<Tensor>& rows) {
  std::vector<Tensor>& kept = kept_new_[p.name];
  kept.resize(run_.tasks.size());
  with_number_type(p.value.dtype(), [&](auto zero) {
    using T = decltype(zero);
    BalanceRows<T> spans{p.name, 0, {}, {}};
    for (size_t i = 0; i < rows.size(); ++i) {
      Tensor& own = kept[step_->method.tasks[i]];
      own = own.defined() ? own.clone() : Tensor::zeros(p.value.shape(), p.value.dtype());
      spans.g.push_back(span_of<T>(rows[i]));
      spans.kept.push_back(span_of<T>(own));
    }
    const balance::Vector sums = method_->absorb(step_->method, spans);
    for (size_t i = 0; i < rows.size(); ++i) step_->method.sums[i] += sums[i];
  });
}

void TaskBalance::by_elements(Parameter& p, const std::vector<Tensor>& rows) const {
  with_number_type(p.value.dtype(), [&](auto zero) {
    using T = decltype(zero);
    BalanceRows<T> spans{p.name, 0, {}, {}};
    for (const Tensor& row : rows) spans.g.push_back(span_of<T>(row));
    const Tensor d = Tensor::empty(p.value.shape(), p.value.dtype());
    method_->combine(step_->method, spans, span_of<T>(d));
    add_gradient(context_, p.grad, to_device(context_, d));
  });
}

}  // namespace weft
