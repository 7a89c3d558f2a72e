// Gumbel-softmax over the last axis: y = softmax((logits + g) / tau), g = -log(-log U) in double,
// U from Philox(seed, gumbel, step, name) by the element's index. hard: straight through, y is
// one-hot at the largest (the first of equals) and has the soft sample's gradient.
// dlogit_i = s_i sum_j s_j (dy_i - dy_j) / tau, which loses nothing where s saturates; rows are
// short (2 for a policy), so the square costs nothing. Retains the soft sample s, in the dtype.
#pragma once

#include <string_view>

#include "engine/philox.h"
#include "engine/tape.h"

namespace weft {

/// temperature tau > 0. `name` is stable: "policy.seg".
Var gumbel_softmax(const Var& logits, double temperature, bool hard, const Noise& noise,
                   std::string_view name, SourceLoc = SourceLoc::here());

/// The same sample of host logits as a host tensor, bit for bit what the CPU's op returns: what a
/// step's plan is made from.
Tensor gumbel_sample(const Tensor& logits, double temperature, bool hard, const Noise& noise,
                     std::string_view name);

namespace kernels {

/// Writes the soft sample, and y, which may be the same memory where not hard.
template <class T>
void gumbel_softmax_forward(CpuContext&, const Philox&, View<const T> logits, double temperature,
                            bool hard, View<T> soft, View<T> y);
template <class T>
void gumbel_softmax_forward(CudaContext&, const Philox&, View<const T> logits, double temperature,
                            bool hard, View<T> soft, View<T> y);
template <class T>
void gumbel_softmax_backward(CpuContext&, View<const T> soft, View<const T> dy, double temperature,
                             View<T> dlogits);
template <class T>
void gumbel_softmax_backward(CudaContext&, View<const T> soft, View<const T> dy, double temperature,
                             View<T> dlogits);

}  // namespace kernels
}  // namespace weft
