// gate on the GPU. gate_sum: a thread owns one Vec<T> of y and adds the terms in order, in float;
// weights are read in the kernel, so the host never waits for them, and a term of weight 0 is not
// read. More terms than one launch takes go on from y. gate_dots: a thread adds groups of 8
// products in float and the groups in double; the tree of reduce.cuh does the rest.
#include "engine/cuda/reduce.cuh"
#include "ops/gate.h"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {
namespace {

constexpr int terms_per_launch = 32;

template <class T>
struct Terms {
  struct Term {
    const T* x;
    const float* weight;
    float constant;
  };
  Term at[terms_per_launch];
  int count;
};

/// y[0 .. n-1] at `first`; further: on top of what y holds.
template <int n, class T>
__device__ void add_terms(const Terms<T>& terms, bool further, int64_t first, T* y) {
  float sum[n] = {};
  bool empty = !further;
  if (further) read(y + first, sum);
  for (int t = 0; t < terms.count; ++t) {
    const auto& term = terms.at[t];
    const float by = term.weight != nullptr ? *term.weight : term.constant;
    if (by == 0) continue;
    float x[n];
    read(term.x + first, x);
    // The first term is not added to a zero, which would turn -0 into 0.
#pragma unroll
    for (int i = 0; i < n; ++i) sum[i] = empty ? by * x[i] : sum[i] + by * x[i];
    empty = false;
  }
  write(y + first, sum);
}

/// `vectors` whole ones, then the rest one by one.
template <class T>
__global__ void sum_kernel(int64_t n, int64_t vectors, Terms<T> terms, bool further, T* y) {
  constexpr int size = Vec<T>::size;
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t single = vectors * size + (item - vectors);
  if (item < vectors)
    add_terms<size>(terms, further, item * size, y);
  else if (single < n)
    add_terms<1>(terms, further, single, y);
}

struct Dots {
  double f = 0, r = 0;
  __device__ Dots& operator+=(const Dots& other) {
    f += other.f;
    r += other.r;
    return *this;
  }
};

constexpr int dot_group = 8;

/// Both products over elements 8 i .. 8 i + 7, in one order whatever the alignment.
template <class T>
struct GroupDots {
  int64_t n;
  bool aligned;
  const T *dy, *f, *r;

  __device__ Dots operator()(int64_t i) const {
    const int64_t first = i * dot_group;
    float of_f = 0, of_r = 0;
    if (aligned && first + dot_group <= n) {
      float d[dot_group], a[dot_group], b[dot_group];
      read(dy + first, d);
      read(f + first, a);
      read(r + first, b);
#pragma unroll
      for (int k = 0; k < dot_group; ++k) {
        of_f = fmaf(d[k], a[k], of_f);
        of_r = fmaf(d[k], b[k], of_r);
      }
    } else {
      for (int64_t at = first; at < first + dot_group && at < n; ++at) {
        of_f = fmaf(load(dy + at), load(f + at), of_f);
        of_r = fmaf(load(dy + at), load(r + at), of_r);
      }
    }
    return {static_cast<double>(of_f), static_cast<double>(of_r)};
  }
};

struct WriteDots {
  float* out;
  __device__ void operator()(const Dots& dots) const {
    out[0] = static_cast<float>(dots.f);
    out[1] = static_cast<float>(dots.r);
  }
};

}  // namespace

template <class T>
void gate_sum(CudaContext& ctx, const std::vector<GateTerm<T>>& terms, View<T> y) {
  const int64_t n = y.numel();
  if (n == 0) return;
  bool aligned = is_aligned(y.data);
  for (const GateTerm<T>& term : terms) aligned = aligned && is_aligned(term.x);
  const int64_t vectors = aligned ? n / Vec<T>::size : 0;
  const int64_t items = vectors + (n - vectors * Vec<T>::size);
  size_t next = 0;
  do {  // no terms at all: one launch that writes zeros
    const bool further = next > 0;
    Terms<T> some{};
    for (; some.count < terms_per_launch && next < terms.size(); ++next)
      some.at[some.count++] = {terms[next].x, terms[next].weight,
                               static_cast<float>(terms[next].constant)};
    launch(ctx, "gate", sum_kernel<T>,
           dim3(static_cast<unsigned>(blocks_for(items, block_threads))), dim3(block_threads), 0, n,
           vectors, some, further, y.data);
  } while (next < terms.size());
}

template <class T>
void gate_dots(CudaContext& ctx, View<const T> dy, const T* f, const T* r, stat_t<T>* out) {
  const bool aligned = is_aligned(dy.data) && is_aligned(f) && is_aligned(r);
  reduce_tree<Dots>(ctx, "gate_dots", blocks_for(dy.numel(), dot_group),
                    GroupDots<T>{dy.numel(), aligned, dy.data, f, r}, WriteDots{out});
}

#define WEFT_INSTANTIATE(T)                                                       \
  template void gate_sum(CudaContext&, const std::vector<GateTerm<T>>&, View<T>); \
  template void gate_dots<T>(CudaContext&, View<const T>, const T*, const T*, float*);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
