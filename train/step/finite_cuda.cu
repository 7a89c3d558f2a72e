// Finite or not on the GPU: all tensors in one launch. The verdict is the least place of a bad one,
// by an integer atomicMin, which gives the same in any order.
#include "engine/cuda/spans.cuh"
#include "train/step/finite.h"

namespace weft::kernels {
namespace {

struct Read {
  const float* x;
  int64_t n;
  int32_t place;
  int first_block;
};

struct Write {
  float* to;
  const float* from;
  int64_t n;
  int first_block;
};

__global__ void find_kernel(const __grid_constant__ SpanTable<Read> table, int32_t* verdict) {
  const Read& term = table.of_block();
  int bad = 0;
  for_span(term, [&](int64_t i) { bad |= !isfinite(term.x[i]); });
  if (__syncthreads_or(bad) != 0 && threadIdx.x == 0) atomicMin(verdict, term.place);
}

__global__ void copy_kernel(const __grid_constant__ SpanTable<Write> table,
                            const int32_t* verdict) {
  if (verdict != nullptr && *verdict == all_finite) return;
  const Write& term = table.of_block();
  for_span(term, [&](int64_t i) { term.to[i] = term.from[i]; });
}

}  // namespace

template <>
void find_nonfinite(CudaContext& ctx, const std::vector<View<const float>>& views,
                    int32_t* verdict) {
  std::vector<Read> terms;
  for (size_t i = 0; i < views.size(); ++i)
    terms.push_back({views[i].data, views[i].numel(), static_cast<int32_t>(i), 0});
  for_tables(terms, [&](const SpanTable<Read>& table, dim3 grid) {
    launch(ctx, "find_nonfinite", find_kernel, grid, dim3(block_threads), 0, table, verdict);
  });
}

template <>
void copy_all(CudaContext& ctx, const std::vector<Copy<float>>& copies, const int32_t* verdict) {
  std::vector<Write> terms;
  for (const Copy<float>& copy : copies) terms.push_back({copy.to, copy.from, copy.n, 0});
  for_tables(terms, [&](const SpanTable<Write>& table, dim3 grid) {
    launch(ctx, "copy_all", copy_kernel, grid, dim3(block_threads), 0, table, verdict);
  });
}

}  // namespace weft::kernels
