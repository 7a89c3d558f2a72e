// Weighted sums of gradients on the GPU: two gradients of every parameter in one launch
// (engine/cuda/spans.cuh), the next two on top of what is there, so each element adds in order.
#include "engine/cuda/element.cuh"
#include "engine/cuda/spans.cuh"
#include "models/balance/gradient_sums.h"

namespace weft::kernels {
namespace {

template <class T>
struct Term {
  const T* g = nullptr;  ///< null: none
  const double* weight = nullptr;
};

template <class T>
struct Sum {
  T* to;
  Term<T> terms[2];
  int64_t n;
  int first_block;
};

/// further: on top of what `to` holds.
template <class T>
__global__ void sums_kernel(const __grid_constant__ SpanTable<Sum<T>> table, bool further) {
  const Sum<T>& sum = table.of_block();
  float weights[2];
  for (int t = 0; t < 2; ++t)
    weights[t] = sum.terms[t].g != nullptr ? static_cast<float>(*sum.terms[t].weight) : 0;
  if (further && weights[0] == 0 && weights[1] == 0) return;
  for_span(sum, [&](int64_t i) {
    float value = further ? load(sum.to + i) : 0;
    bool any = further;
    for (int t = 0; t < 2; ++t) {
      if (weights[t] == 0) continue;
      // The first product is not added to a zero, which would turn -0 into 0.
      const float product = weights[t] * load(sum.terms[t].g + i);
      value = any ? value + product : product;
      any = true;
    }
    store(sum.to + i, value);
  });
}

}  // namespace

template <class T>
void gradient_sums(CudaContext& ctx, const std::vector<GradientSum<T>>& parameters) {
  bool more = true;
  for (size_t next = 0; more; next += 2) {
    more = false;
    std::vector<Sum<T>> sums;
    for (const GradientSum<T>& p : parameters) {
      Sum<T>& sum = sums.emplace_back(Sum<T>{p.to, {}, p.n, 0});
      for (size_t t = 0; t < 2 && next + t < p.terms.size(); ++t)
        sum.terms[t] = {p.terms[next + t].g, p.terms[next + t].weight};
      more = more || next + 2 < p.terms.size();
    }
    for_tables(sums, [&](const SpanTable<Sum<T>>& table, dim3 grid) {
      launch(ctx, "gradient_sums", sums_kernel<T>, grid, dim3(block_threads), 0, table, next > 0);
    });
  }
}

template void gradient_sums(CudaContext&, const std::vector<GradientSum<float>>&);
template void gradient_sums(CudaContext&, const std::vector<GradientSum<bf16_t>>&);

}  // namespace weft::kernels
