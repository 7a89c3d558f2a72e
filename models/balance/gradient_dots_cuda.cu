// Dot products of K gradients on the GPU, of all parameters and pairs in one launch
// (engine/cuda/spans.cuh): a block adds the products of one span in double, as reduce.cuh does; then
// a block owns a pair and adds its spans' sums. A row is read K times, the later ones mostly from the
// L2 cache.
#include "engine/cuda/reduce.cuh"
#include "engine/cuda/spans.cuh"
#include "models/balance/gradient_dots.h"

namespace weft::kernels {
namespace {

struct Pair {
  const float *a, *b;  ///< null: their product is 0
  int64_t n;
  double *to, *mirrored;
  int first_block;
};

/// parts[block].
__global__ void dots_kernel(const __grid_constant__ SpanTable<Pair> table, double* parts) {
  __shared__ double memory[block_threads];
  const Pair& pair = table.of_block();
  double sum = 0;
  if (pair.a != nullptr)
    for_span(pair, [&](int64_t i) {
      sum += static_cast<double>(pair.a[i]) * static_cast<double>(pair.b[i]);
    });
  sum = cuda_detail::combine_block(sum, memory);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

/// grid (pairs).
__global__ void sum_dots_kernel(const __grid_constant__ SpanTable<Pair> table,
                                const double* parts) {
  __shared__ double memory[block_threads];
  const Pair& pair = table.at[blockIdx.x];
  const auto spans = static_cast<int>((pair.n + span - 1) / span);
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < spans; i += block_threads)
    sum += parts[pair.first_block + i];
  sum = cuda_detail::combine_block(sum, memory);
  if (threadIdx.x == 0) *pair.to = *pair.mirrored = sum;
}

}  // namespace

template <>
void gradient_dots(CudaContext& ctx, const std::vector<GradientRows<float>>& parameters) {
  std::vector<Pair> pairs;
  for (const GradientRows<float>& p : parameters) {
    const size_t k = p.rows.size();
    for (size_t i = 0; i < k; ++i)
      for (size_t j = 0; j <= i; ++j) {
        const bool zero = p.rows[i] == nullptr || p.rows[j] == nullptr || p.n == 0;
        pairs.push_back({zero ? nullptr : p.rows[i], zero ? nullptr : p.rows[j], zero ? 1 : p.n,
                         p.out + i * k + j, p.out + j * k + i, 0});
      }
  }
  for_tables(pairs, [&](const SpanTable<Pair>& table, dim3 grid) {
    const Tensor parts = Tensor::empty({int64_t{grid.x}}, DType::f64, ctx.memory());
    launch(ctx, "gradient_dots", dots_kernel, grid, dim3(block_threads), 0, table,
           parts.data<double>());
    launch(ctx, "gradient_dots", sum_dots_kernel, dim3(static_cast<unsigned>(table.count)),
           dim3(block_threads), 0, table, parts.data<const double>());
  });
}

}  // namespace weft::kernels
