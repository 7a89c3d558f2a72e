// cast: the same numbers in another float type, rounded to nearest even; dx = dy cast back. Where a
// run computes in bf16, predictions are cast back before their losses; ops of weights round those
// themselves (ops/master_weight.h). x of that type already comes back itself. Retains nothing.
#pragma once

#include "engine/tape.h"

namespace weft {

/// f32 and f64 on the CPU, f32 and bf16 on a GPU.
Var cast(const Var& x, DType dtype, SourceLoc = SourceLoc::here());

/// Of a tensor; itself where it is of that type already.
Tensor converted(const AnyContext&, const Tensor& x, DType dtype);

namespace kernels {

template <class From, class To>
void cast(CpuContext&, View<const From> x, View<To> y);
template <class From, class To>
void cast(CudaContext&, View<const From> x, View<To> y);

}  // namespace kernels
}  // namespace weft
