// Optimizer: walks the groups, keeps the moments; the arithmetic is in optimizer_cpu.cpp.
#include "train/optimizer.h"

#include <cmath>

#include "engine/error.h"

namespace weft {
namespace {

Tensor zeros_like(const AnyContext& context, const Tensor& t) {
  Tensor out = Tensor::empty(t.shape(), t.dtype(), memory_of(context));
  std::visit([&](auto* ctx) { ctx->fill(out, 0.0); }, context);
  return out;
}

}  // namespace

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

void Optimizer::step(double factor) {
  for (const ParameterGroup& group : groups_)
    for (Parameter* p : group.parameters) {
      if (!p->grad.defined()) continue;
      State& state = states_[p];
      if (state.moments.empty())
        for (size_t i = 0; i < moment_names().size(); ++i)
          state.moments.push_back(zeros_like(context_, p->value));
      ++state.step;
      on_device_full(context_, p->value.dtype(), [&](auto& ctx, auto zero) {
        using T = decltype(zero);
        const View<T> value = p->value.view<T>(), first = state.moments[0].view<T>();
        const View<const T> grad = p->grad.view<T>();
        const double lr = group.lr * factor;
        if (options_.algorithm == Algorithm::sgd)
          kernels::sgd_update<T>(ctx, value, grad, first, state.step == 1, lr, options_.momentum,
                                 options_.weight_decay);
        else
          kernels::adam_update<T>(ctx, value, grad, first, state.moments[1].view<T>(), state.step,
                                  lr, options_);
      });
    }
}

double clip_grad_norm(AnyContext context, const std::vector<Parameter*>& parameters,
                      double max_norm) {
  double squares = 0;
  for (const Parameter* p : parameters)
    if (p->grad.defined())
      on_device_full(context, p->grad.dtype(), [&](auto& ctx, auto zero) {
        using T = decltype(zero);
        squares += kernels::sum_of_squares<T>(ctx, p->grad.view<T>());
      });
  const double norm = std::sqrt(squares);
  const double factor = max_norm / (norm + 1e-6);  // as PyTorch, which guards against norm 0
  if (factor >= 1) return norm;
  for (Parameter* p : parameters) {
    if (!p->grad.defined()) continue;
    // Two parameters may hold one gradient (add hands its own on): scale a copy, not both.
    Tensor scaled = zeros_like(context, p->grad);
    std::visit([&](auto* ctx) { ctx->accumulate(scaled, p->grad, factor); }, context);
    p->grad = std::move(scaled);
  }
  return norm;
}

}  // namespace weft
