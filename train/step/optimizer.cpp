// Optimizer: walks the groups, keeps the moments; the arithmetic is in optimizer_cpu.cpp.
#include "train/step/optimizer.h"

#include <cmath>

#include "engine/device_tensor.h"
#include "engine/error.h"
#include "ops/cast.h"

namespace weft {
std::vector<Parameter*> Optimizer::parameters() const {
  std::vector<Parameter*> all;
  for (const ParameterGroup& group : groups_)
    all.insert(all.end(), group.parameters.begin(), group.parameters.end());
  return all;
}

std::vector<std::string> Optimizer::moment_names() const {
  if (options_.algorithm == Algorithm::adam) return {"exp_avg", "exp_avg_sq"};
  return {"momentum_buffer"};
}

const Optimizer::State* Optimizer::state_of(const Parameter& p) const {
  const auto it = states_.find(&p);
  return it == states_.end() ? nullptr : &it->second;
}

void Optimizer::step(double factor, const Tensor& verdict) {
  std::vector<std::pair<Parameter*, double>> due;
  for (const ParameterGroup& group : groups_)
    for (Parameter* p : group.parameters)
      if (p->grad.defined()) due.emplace_back(p, group.lr * factor);
  if (due.empty()) return;
  const int32_t* const bad = verdict.defined() ? verdict.data<const int32_t>() : nullptr;
  on_device_full(context_, due[0].first->value.dtype(), [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    std::vector<kernels::UpdateTerm<T>> terms;
    for (const auto& [p, lr] : due) {
      Tensor rounded;
      if (p->value.wants_rounded()) {
        rounded = p->value.rounded();
        // As it is before the update, which a bad verdict leaves undone.
        if (!rounded.defined()) rounded = converted(context_, p->value, DType::bf16);
      }
      p->value.changed();
      if (rounded.defined()) p->value.keep_rounded(rounded);
      State& state = states_[p];
      if (state.moments.empty())
        for (size_t i = 0; i < moment_names().size(); ++i)
          state.moments.push_back(zeros_on(context_, p->value.shape(), p->value.dtype()));
      const bool two = state.moments.size() > 1;
      terms.push_back({p->value.template data<T>(), p->grad.template data<T>(),
                       state.moments[0].template data<T>(),
                       two ? state.moments[1].template data<T>() : nullptr,
                       rounded.defined() ? rounded.data<bf16_t>() : nullptr, p->value.numel(), lr,
                       ++state.step});
    }
    if (options_.algorithm == Algorithm::sgd)
      kernels::sgd_update<T>(ctx, terms, options_, bad);
    else
      kernels::adam_update<T>(ctx, terms, options_, bad);
  });
}

double clip_grad_norm(AnyContext context, const std::vector<Parameter*>& parameters,
                      double max_norm) {
  std::vector<Parameter*> due;
  for (Parameter* p : parameters)
    if (p->grad.defined()) due.push_back(p);
  if (due.empty()) return 0;
  double squares = 0;
  on_device_full(context, due[0]->grad.dtype(), [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    std::vector<View<const T>> gradients;
    for (const Parameter* p : due) gradients.push_back(p->grad.template view<T>());
    squares = kernels::sum_of_squares<T>(ctx, gradients);
  });
  // Where a sum of squares is finite, so is every term, and what a factor below 1 leaves of it.
  const bool finite = std::isfinite(squares);
  const auto seen = [&](const Tensor& gradient) {
    if (finite) gradient.mark_finite();
  };
  for (const Parameter* p : due) seen(p->grad);
  const double norm = std::sqrt(squares);
  const double factor = max_norm / (norm + 1e-6);  // as PyTorch, which guards against norm 0
  if (!(factor < 1)) return norm;  // as they are where the norm is NaN: what is bad has a name then
  for (Parameter* p : due) {
    // Two parameters may hold one gradient (add hands its own on): scale a copy, not both.
    Tensor scaled = zeros_on(context, p->grad.shape(), p->grad.dtype());
    std::visit([&](auto* ctx) { ctx->accumulate(scaled, p->grad, factor); }, context);
    seen(scaled);
    p->grad = std::move(scaled);
  }
  return norm;
}

}  // namespace weft
