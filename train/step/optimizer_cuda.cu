// Updates on the GPU: all parameters in one launch (engine/cuda/spans.cuh), which writes nothing where the
// step's verdict is bad. Every element is updated by one thread in the CPU's order of operations.
// Sums of squares are one tree a parameter, added up on the host in order after a single wait.
#include <algorithm>
#include <cmath>

#include "engine/cuda/element.cuh"
#include "engine/cuda/reduce.cuh"
#include "engine/cuda/spans.cuh"
#include "train/step/finite.h"
#include "train/step/optimizer.h"

namespace weft::kernels {
namespace {

struct Term {
  float *value, *first, *second;
  const float* grad;
  bf16_t* rounded;
  int64_t n;
  float rate, root;  ///< sgd: lr and the momentum at work; adam: bias corrections included
  int first_block;
};

struct Sgd {
  float decay;
  __device__ void operator()(const Term& t, int64_t i) const {
    const float b = t.root * t.first[i] + (t.grad[i] + decay * t.value[i]);
    t.first[i] = b;
    t.value[i] -= t.rate * b;
  }
};

struct Adam {
  float b1, c1, b2, c2, eps, decay;
  __device__ void operator()(const Term& t, int64_t i) const {
    const float gradient = t.grad[i] + decay * t.value[i];
    const float mean = b1 * t.first[i] + c1 * gradient;
    const float square = b2 * t.second[i] + c2 * gradient * gradient;
    t.first[i] = mean;
    t.second[i] = square;
    t.value[i] -= t.rate * mean / (sqrtf(square) * t.root + eps);
  }
};

template <class F>
__global__ void update_kernel(const __grid_constant__ SpanTable<Term> table, const int32_t* verdict,
                              F f) {
  if (verdict != nullptr && *verdict != all_finite) return;
  const Term& term = table.of_block();
  for_span(term, [&](int64_t i) {
    f(term, i);
    if (term.rounded != nullptr) store(term.rounded + i, term.value[i]);
  });
}

/// make(term) gives rate and root.
template <class F, class Make>
void update(CudaContext& ctx, const char* name, const std::vector<UpdateTerm<float>>& terms,
            const int32_t* verdict, F f, Make&& make) {
  std::vector<Term> spans;
  for (const UpdateTerm<float>& t : terms) {
    const auto [rate, root] = make(t);
    spans.push_back({t.value, t.first, t.second, t.grad, t.rounded, t.n, rate, root, 0});
  }
  for_tables(spans, [&](const SpanTable<Term>& table, dim3 grid) {
    launch(ctx, name, update_kernel<F>, grid, dim3(block_threads), 0, table, verdict, f);
  });
}

}  // namespace

template <>
void sgd_update(CudaContext& ctx, const std::vector<UpdateTerm<float>>& terms,
                const OptimizerOptions& o, const int32_t* verdict) {
  update(ctx, "sgd_update", terms, verdict, Sgd{static_cast<float>(o.weight_decay)},
         [&](const UpdateTerm<float>& t) {
           return std::pair(static_cast<float>(t.lr),
                            static_cast<float>(t.step == 1 ? 0.0 : o.momentum));
         });
}

template <>
void adam_update(CudaContext& ctx, const std::vector<UpdateTerm<float>>& terms,
                 const OptimizerOptions& o, const int32_t* verdict) {
  const Adam adam{static_cast<float>(o.beta1), static_cast<float>(1 - o.beta1),
                  static_cast<float>(o.beta2), static_cast<float>(1 - o.beta2),
                  static_cast<float>(o.eps),   static_cast<float>(o.weight_decay)};
  update(ctx, "adam_update", terms, verdict, adam, [&](const UpdateTerm<float>& term) {
    const double t = static_cast<double>(term.step);
    return std::pair(static_cast<float>(term.lr / (1 - std::pow(o.beta1, t))),
                     static_cast<float>(1 / std::sqrt(1 - std::pow(o.beta2, t))));
  });
}

template <>
double sum_of_squares(CudaContext& ctx, const std::vector<View<const float>>& xs) {
  const Tensor sums = Tensor::empty({static_cast<int64_t>(xs.size())}, DType::f64, ctx.memory());
  auto* out = sums.data<double>();
  for (const View<const float>& view : xs) {
    const float* x = view.data;
    reduce_tree<double>(
        ctx, "sum_of_squares", view.numel(),
        [=] __device__(int64_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); },
        [=] __device__(double sum) { *out = sum; });
    ++out;
  }
  const Tensor host = Tensor::empty(sums.shape(), DType::f64);
  ctx.copy(host, sums);
  double squares = 0;
  for (double sum : host.to_vector()) squares += sum;
  return squares;
}

}  // namespace weft::kernels
