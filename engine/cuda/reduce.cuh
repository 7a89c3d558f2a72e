// Sums on the GPU whose order depends on n and the chunk alone, as on the CPU: fixed chunks of
// elements, one block each (thread t adds elements t, t + 256, ..; the 256 sums are combined
// pairwise), then the chunks' sums the same way by one block, which hands the total to `finish`. No
// float atomics. Sum needs a zero as Sum{} and operator+=, both on the device.
#pragma once

#include "engine/cuda/launch.cuh"
#include "engine/reduce_tree.h"

namespace weft {
namespace cuda_detail {

/// The block's total in thread 0; `shared` holds one Sum a thread.
template <class Sum>
__device__ Sum combine_block(Sum mine, Sum* shared) {
  shared[threadIdx.x] = mine;
  __syncthreads();
  for (unsigned stride = 1; stride < blockDim.x; stride *= 2) {
    if (threadIdx.x % (2 * stride) == 0) {
      mine += shared[threadIdx.x + stride];
      shared[threadIdx.x] = mine;
    }
    __syncthreads();
  }
  return mine;
}

template <class Sum, class F>
__global__ void sum_chunks_kernel(int64_t n, int64_t chunk, F f, Sum* parts) {
  __shared__ alignas(alignof(Sum)) unsigned char memory[block_threads * sizeof(Sum)];
  const int64_t begin = int64_t{blockIdx.x} * chunk;
  const int64_t end = begin + chunk < n ? begin + chunk : n;
  Sum sum{};
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) sum += f(i);
  sum = combine_block(sum, reinterpret_cast<Sum*>(memory));
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

template <class Sum, class Finish>
__global__ void sum_parts_kernel(int64_t count, const Sum* parts, Finish finish) {
  __shared__ alignas(alignof(Sum)) unsigned char memory[block_threads * sizeof(Sum)];
  Sum sum{};
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += parts[i];
  sum = combine_block(sum, reinterpret_cast<Sum*>(memory));
  if (threadIdx.x == 0) finish(sum);
}

}  // namespace cuda_detail

/// finish(sum over i in 0 .. n-1 of f(i)), on the device, by one thread; n = 0 gives Sum{}. Where
/// an f takes long, a chunk of block_threads keeps more of the card busy.
template <class Sum, class F, class Finish>
void reduce_tree(CudaContext& ctx, const char* name, int64_t n, F f, Finish finish,
                 int64_t chunk = sum_chunk) {
  const int64_t chunks = blocks_for(n, chunk);
  const Tensor parts =
      Tensor::empty({chunks * static_cast<int64_t>(sizeof(Sum))}, DType::u8, ctx.memory());
  auto* sums = static_cast<Sum*>(parts.raw());
  if (chunks > 0)
    launch(ctx, name, cuda_detail::sum_chunks_kernel<Sum, F>, dim3(static_cast<unsigned>(chunks)),
           dim3(block_threads), 0, n, chunk, f, sums);
  launch(ctx, name, cuda_detail::sum_parts_kernel<Sum, Finish>, dim3(1), dim3(block_threads), 0,
         chunks, sums, finish);
}

}  // namespace weft
