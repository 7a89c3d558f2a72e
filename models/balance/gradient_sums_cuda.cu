// Weighted sums of gradients on the GPU: two gradients of every parameter in one launch
// (engine/cuda/spans.cuh), the next two on top of what is there, so each element adds in order.
#include <algorithm>
#include <iterator>

#include "engine/cuda/spans.cuh"
#include "models/balance/gradient_sums.h"

namespace weft::kernels {
namespace {

struct Sum {
  float* to;
  const float *a, *b;  ///< null: none
  float weight_a, weight_b;
  int64_t n;
  int first_block;
};

/// further: on top of what `to` holds.
__global__ void sums_kernel(const __grid_constant__ SpanTable<Sum> table, bool further) {
  const Sum& sum = table.of_block();
  if (further && sum.a == nullptr) return;
  for_span(sum, [&](int64_t i) {
    float value = further ? sum.to[i] : 0;
    // The first product is not added to a zero, which would turn -0 into 0.
    if (sum.a != nullptr) {
      const float product = sum.weight_a * sum.a[i];
      value = further ? value + product : product;
    }
    if (sum.b != nullptr) value += sum.weight_b * sum.b[i];
    sum.to[i] = value;
  });
}

}  // namespace

template <>
void gradient_sums(CudaContext& ctx, const std::vector<GradientSum<float>>& parameters) {
  std::vector<Sum> sums(parameters.size());
  bool more = true;
  for (size_t next = 0; more; next += 2) {
    more = false;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const auto& p = parameters[i];
      std::vector<typename GradientSum<float>::Term> terms;
      std::copy_if(p.terms.begin(), p.terms.end(), std::back_inserter(terms),
                   [](const auto& term) { return term.weight != 0; });
      Sum& sum = sums[i] = {p.to, nullptr, nullptr, 0, 0, p.n, 0};
      if (next < terms.size()) {
        sum.a = terms[next].g;
        sum.weight_a = static_cast<float>(terms[next].weight);
      }
      if (next + 1 < terms.size()) {
        sum.b = terms[next + 1].g;
        sum.weight_b = static_cast<float>(terms[next + 1].weight);
      }
      more = more || next + 2 < terms.size();
    }
    for_tables(sums, [&](const SpanTable<Sum>& table, dim3 grid) {
      launch(ctx, "gradient_sums", sums_kernel, grid, dim3(block_threads), 0, table, next > 0);
    });
  }
}

}  // namespace weft::kernels
