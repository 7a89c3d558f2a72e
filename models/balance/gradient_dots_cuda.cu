// Dot products of K gradients on the GPU: a block owns one chunk of one pair and adds its products in
// double, as reduce.cuh does; then a block owns a pair and adds its chunks' sums. Two launches
// a parameter whatever K; a row is read K times, the later ones mostly from the L2 cache.
#include <algorithm>

#include "engine/cuda/reduce.cuh"
#include "models/balance/gradient_dots.h"

namespace weft::kernels {
namespace {

constexpr int most_rows = 64;

struct Rows {
  const float* at[most_rows];
  int count;
};

/// Pair number p of (0,0), (1,0), (1,1), (2,0), ..
struct Pair {
  int i = 0, j;
  __device__ explicit Pair(int p) {
    while (p > i) p -= ++i;
    j = p;
  }
};

/// parts[pair, chunk]; grid (chunks, pairs).
__global__ void dots_kernel(int64_t n, const __grid_constant__ Rows rows, double* parts) {
  __shared__ double memory[block_threads];
  const Pair pair(static_cast<int>(blockIdx.y));
  const float *a = rows.at[pair.i], *b = rows.at[pair.j];
  double sum = 0;
  if (a != nullptr && b != nullptr) {
    const int64_t begin = int64_t{blockIdx.x} * sum_chunk;
    const int64_t end = begin + sum_chunk < n ? begin + sum_chunk : n;
    for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x)
      sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  sum = cuda_detail::combine_block(sum, memory);
  if (threadIdx.x == 0) parts[int64_t{blockIdx.y} * gridDim.x + blockIdx.x] = sum;
}

/// grid (pairs).
__global__ void sum_dots_kernel(int64_t chunks, int count, const double* parts, double* out) {
  __shared__ double memory[block_threads];
  const double* own = parts + blockIdx.x * chunks;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < chunks; i += blockDim.x) sum += own[i];
  sum = cuda_detail::combine_block(sum, memory);
  const Pair pair(static_cast<int>(blockIdx.x));
  if (threadIdx.x == 0) out[pair.i * count + pair.j] = out[pair.j * count + pair.i] = sum;
}

}  // namespace

template <>
void gradient_dots(CudaContext& ctx, const std::vector<const float*>& rows, int64_t n,
                   double* out) {
  if (rows.size() > most_rows)
    throw ConfigError(fmt::format("per-task gradients: {} tasks; a GPU's Gram takes at most {}",
                                  rows.size(), most_rows));
  Rows table{};
  table.count = static_cast<int>(rows.size());
  std::copy(rows.begin(), rows.end(), table.at);
  const auto pairs = static_cast<unsigned>(table.count * (table.count + 1) / 2);
  const int64_t chunks = std::max<int64_t>(blocks_for(n, sum_chunk), 1);
  const Tensor parts =
      Tensor::empty({static_cast<int64_t>(pairs) * chunks}, DType::f64, ctx.memory());
  launch(ctx, "gradient_dots", dots_kernel, dim3(static_cast<unsigned>(chunks), pairs),
         dim3(block_threads), 0, n, table, parts.data<double>());
  launch(ctx, "gradient_dots", sum_dots_kernel, dim3(pairs), dim3(block_threads), 0, chunks,
         table.count, parts.data<double>(), out);
}

}  // namespace weft::kernels
