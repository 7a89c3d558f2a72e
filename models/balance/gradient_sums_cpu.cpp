// Weighted sums of gradients on the CPU: a gate's sums, parameter by parameter.
#include "models/balance/gradient_sums.h"
#include "ops/gate.h"

namespace weft::kernels {

template <class T>
void gradient_sums(CpuContext& ctx, const std::vector<GradientSum<T>>& parameters) {
  for (const GradientSum<T>& p : parameters) {
    std::vector<GateTerm<T>> terms;
    for (const auto& term : p.terms) terms.push_back({term.g, nullptr, *term.weight});
    gate_sums<T>(ctx, {terms}, View<T>{p.to, {p.n}});
  }
}

template void gradient_sums(CpuContext&, const std::vector<GradientSum<float>>&);
template void gradient_sums(CpuContext&, const std::vector<GradientSum<double>>&);

}  // namespace weft::kernels
