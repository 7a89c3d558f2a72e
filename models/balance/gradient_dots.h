// Dot products of K gradients of one parameter, a K x K Gram matrix: out[i K + j] = <g_i, g_j>, in
// f64 whatever the gradients' type, over a tree that depends on n alone. rows: K pointers to n
// elements; null is a gradient of zero. out: K K doubles where the context computes.
#pragma once

#include <vector>

#include "engine/backend.h"

namespace weft::kernels {

template <class T>
void gradient_dots(CpuContext&, const std::vector<const T*>& rows, int64_t n, double* out);
/// At most 64 rows.
template <class T>
void gradient_dots(CudaContext&, const std::vector<const T*>& rows, int64_t n, double* out);

}  // namespace weft::kernels
