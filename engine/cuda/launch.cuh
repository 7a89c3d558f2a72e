// Starting kernels: launch() for one with a grid of its own, for_each() for a loop over independent
// elements. Both name the kernel in their errors. Grids depend on sizes alone, never on the card,
// so that the order of every sum is the same everywhere.
#pragma once

#include <algorithm>

#include "engine/cuda/check.h"
#include "engine/cuda/context.h"

namespace weft {

inline constexpr int block_threads = 256, warp_threads = 32;
inline constexpr unsigned whole_warp = 0xFFFFFFFFU;  ///< all its lanes take part in a shuffle

inline int64_t blocks_for(int64_t n, int64_t per_block) { return (n + per_block - 1) / per_block; }

/// kernel<<<grid, block, shared bytes>>>(args...) on the context's stream.
template <class... Parameters, class... Arguments>
void launch(CudaContext& ctx, const char* name, void (*kernel)(Parameters...), dim3 grid,
            dim3 block, size_t shared, Arguments&&... arguments) {
  ctx.note_kernel({reinterpret_cast<uint64_t>(kernel)});
  kernel<<<grid, block, shared, ctx.stream()>>>(
      static_cast<Parameters>(std::forward<Arguments>(arguments))...);
  check(cudaGetLastError(), name);
}

namespace cuda_detail {

template <class F>
__global__ void for_each_kernel(int64_t n, F f) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) f(i);
}

}  // namespace cuda_detail

/// f(i) for every i in 0 .. n-1, each by one thread; neighbours in i run side by side.
template <class F>
void for_each(CudaContext& ctx, const char* name, int64_t n, F f) {
  if (n <= 0) return;
  const int64_t blocks = std::min<int64_t>(blocks_for(n, block_threads), 1 << 20);
  launch(ctx, name, cuda_detail::for_each_kernel<F>, dim3(static_cast<unsigned>(blocks)),
         dim3(block_threads), 0, n, f);
}

}  // namespace weft
