// matmul: y = op(a) op(b), where op transposes if asked. [M, K] x [K, N] -> [M, N].
//   da = dy op(b)^T and db = op(a)^T dy, transposed back where the operand was.
// Retains each operand that the other's gradient needs. Both transposed: swap the operands and
// transpose the result instead, it is the same product.
#pragma once

#include "engine/tape.h"

namespace weft {

enum class Transpose { none, a, b };

Var matmul(const Var& a, const Var& b, Transpose = Transpose::none, SourceLoc = SourceLoc::here());

namespace kernels {

/// y = op(a) op(b); the gradients are products of the same three kinds.
template <class T>
void matmul(CpuContext&, View<const T> a, View<const T> b, Transpose, View<T> y);
template <class T>
void matmul(CudaContext&, View<const T> a, View<const T> b, Transpose, View<T> y);

}  // namespace kernels
}  // namespace weft
