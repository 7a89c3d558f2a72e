// block_end as the passes of batch_norm, add_relu and gate, one behind the other: what a CPU computes, and
// a GPU where its own kernels do not fit; what those are held against.
#pragma once

#include "engine/backend.h"
#include "ops/add_relu.h"
#include "ops/block_end.h"
#include "ops/gate.h"

namespace weft::kernels {

template <class T, class Context>
void block_end_forward_passes(Context& ctx, View<const T> x, const Normalisation<T>& norm,
                              const BlockEnd<T>& end, View<T> y) {
  const size_t groups = end.gate.size();
  const int64_t size = y.numel() / static_cast<int64_t>(groups);
  batch_norm_forward<T>(ctx, x, norm, y);
  add_relu_forward<T>(ctx, y, end.r, y, end.positive);
  std::vector<std::vector<GateTerm<T>>> terms(groups);
  for (size_t g = 0; g < groups; ++g) {
    const int64_t at = static_cast<int64_t>(g) * size;
    terms[g] = {{y.data + at, end.gate[g], 0}, {end.r.data + at, end.gate[g] + 1, 0}};
  }
  gate_sums<T>(ctx, terms, y);
}

template <class T, class Context>
void block_end_backward_passes(Context& ctx, View<const T> x, View<const T> dy,
                               const Normalisation<T>& norm, const BlockEnd<T>& end,
                               const BlockEndGradients<T>& into) {
  const size_t groups = end.gate.size();
  const int64_t size = dy.numel() / static_cast<int64_t>(groups);
  const Tensor scratch = Tensor::empty(x.shape, dtype_of<T>(), ctx.memory());
  const View<T> dz = scratch.view<T>();
  if (!into.dp.empty()) {  // f once more, where dz will be
    batch_norm_forward<T>(ctx, x, norm, dz);
    add_relu_forward<T>(ctx, dz, end.r, dz, {});
    for (size_t g = 0; g < groups; ++g) {
      if (into.dp[g].data == nullptr) continue;
      const int64_t at = static_cast<int64_t>(g) * size;
      gate_dots<T>(ctx, {dy.data + at, {size}}, dz.data + at, end.r.data + at, 0, into.dp[g]);
    }
  }
  add_relu_backward<T>(ctx, end.positive, dy, dz);
  std::vector<std::vector<GateTerm<T>>> terms(groups);
  for (size_t g = 0; g < groups; ++g)
    terms[g] = {{dz.data + static_cast<int64_t>(g) * size, end.gate[g], 0}};
  gate_sums<T>(ctx, terms, dz);
  batch_norm_backward<T>(ctx, x, dz, norm, false, into.dx, into.dgamma, into.dbeta);
  if (into.dr.data == nullptr) return;
  for (size_t g = 0; g < groups; ++g) {
    const int64_t at = static_cast<int64_t>(g) * size;
    terms[g] = {{dz.data + at, nullptr, 1}, {dy.data + at, end.gate[g] + 1, 0}};
  }
  gate_sums<T>(ctx, terms, into.dr);
}

}  // namespace weft::kernels
