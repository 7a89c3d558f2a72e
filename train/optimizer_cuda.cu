// Updates on the GPU: all parameters in one launch. The table of parameters is the kernel's
// argument; a block owns 4096 elements of one parameter and finds it by its number. Every element
// is updated by one thread in the CPU's order of operations. Sums of squares are one tree a
// parameter, added up on the host in order after a single wait.
#include <algorithm>
#include <cmath>

#include "engine/cuda/reduce.cuh"
#include "train/optimizer.h"

namespace weft::kernels {
namespace {

constexpr int most_terms = 400, chunk = 4096;  // the table stays below a launch's 32 KB

struct Term {
  float *value, *first, *second;
  const float* grad;
  int64_t n;
  float rate, root;  ///< sgd: lr and the momentum at work; adam: bias corrections included
  int first_block;
};

struct Table {
  Term at[most_terms];
  int count = 0;
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
__global__ void update_kernel(const __grid_constant__ Table table, F f) {
  int low = 0, high = table.count - 1;  // the last term whose first block is not past this one
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (table.at[middle].first_block <= static_cast<int>(blockIdx.x))
      low = middle;
    else
      high = middle - 1;
  }
  const Term& term = table.at[low];
  const int64_t begin = int64_t{static_cast<int>(blockIdx.x) - term.first_block} * chunk;
  const int64_t end = begin + chunk < term.n ? begin + chunk : term.n;
#pragma unroll 4
  for (int64_t i = begin + threadIdx.x; i < end; i += block_threads) f(term, i);
}

/// make(term) gives rate and root. More parameters than one table holds take further launches.
template <class F, class Make>
void update(CudaContext& ctx, const char* name, const std::vector<UpdateTerm<float>>& terms, F f,
            Make&& make) {
  for (size_t next = 0; next < terms.size();) {
    Table table;
    int blocks = 0;
    for (; table.count < most_terms && next < terms.size(); ++next) {
      const UpdateTerm<float>& t = terms[next];
      if (t.n == 0) continue;
      const auto [rate, root] = make(t);
      table.at[table.count++] = {t.value, t.first, t.second, t.grad, t.n, rate, root, blocks};
      blocks += static_cast<int>(blocks_for(t.n, chunk));
    }
    if (blocks > 0)
      launch(ctx, name, update_kernel<F>, dim3(static_cast<unsigned>(blocks)), dim3(block_threads),
             0, table, f);
  }
}

}  // namespace

template <>
void sgd_update(CudaContext& ctx, const std::vector<UpdateTerm<float>>& terms,
                const OptimizerOptions& o) {
  update(ctx, "sgd_update", terms, Sgd{static_cast<float>(o.weight_decay)},
         [&](const UpdateTerm<float>& t) {
           return std::pair(static_cast<float>(t.lr),
                            static_cast<float>(t.step == 1 ? 0.0 : o.momentum));
         });
}

template <>
void adam_update(CudaContext& ctx, const std::vector<UpdateTerm<float>>& terms,
                 const OptimizerOptions& o) {
  const Adam adam{static_cast<float>(o.beta1), static_cast<float>(1 - o.beta1),
                  static_cast<float>(o.beta2), static_cast<float>(1 - o.beta2),
                  static_cast<float>(o.eps),   static_cast<float>(o.weight_decay)};
  update(ctx, "adam_update", terms, adam, [&](const UpdateTerm<float>& term) {
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
