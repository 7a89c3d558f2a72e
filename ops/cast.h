// cast: the same numbers in another float type, rounded to nearest even; dx = dy cast back. Where a
// run computes in bf16, weights are cast at each use (the master copies stay f32) and predictions
// are cast back before their losses. x of that type already comes back itself. Retains nothing.
#pragma once

#include "engine/tape.h"

namespace weft {

/// f32 and f64 on the CPU, f32 and bf16 on a GPU.
Var cast(const Var& x, DType dtype, SourceLoc = SourceLoc::here());

namespace kernels {

template <class From, class To>
void cast(CpuContext&, View<const From> x, View<To> y);
template <class From, class To>
void cast(CudaContext&, View<const From> x, View<To> y);

}  // namespace kernels
}  // namespace weft
