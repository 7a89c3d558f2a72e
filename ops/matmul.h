// matmul: y = op(a) op(b), where op transposes if asked. [.., M, K] x [.., K, N] -> [.., M, N], the
// leading axes equal, or one operand a plain matrix that all of the other's are multiplied with.
//   da = dy op(b)^T and db = op(a)^T dy, transposed back where the operand was; a plain matrix's
//   gradient is the sum over the batch.
// Retains each operand that the other's gradient needs. Both transposed: swap the operands and
// transpose the result instead, it is the same product.
#pragma once

#include "engine/tape.h"

namespace weft {

enum class Transpose { none, a, b };

Var matmul(const Var& a, const Var& b, Transpose = Transpose::none, SourceLoc = SourceLoc::here());

namespace kernels {

/// y = op(a) op(b); the gradients are products of the same three kinds. Where y has a batch, a or b
/// may be plain.
template <class T>
void matmul(CpuContext&, View<const T> a, View<const T> b, Transpose, View<T> y);
template <class T>
void matmul(CudaContext&, View<const T> a, View<const T> b, Transpose, View<T> y);

}  // namespace kernels
}  // namespace weft
