// gate on the GPU. gate_sums: one launch for all groups; a thread owns one Vec<T> of y and adds the
// terms in order, in float; weights are read in the kernel, so the host never waits for them, and a
// term of weight 0 is not read. More terms than one launch takes go on from y. gate_dots: a thread
// adds groups of 8 products in float and the groups in double; the tree of reduce.cuh does the rest.
#include "engine/cuda/reduce.cuh"
#include "ops/gate.h"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {
namespace {

constexpr int terms_per_launch = 64, groups_per_launch = 32;

template <class T>
struct Sums {
  struct Term {
    const T* x;
    const float* weight;
    float constant;
  };
  /// What a group adds up in this launch; further: on top of what y holds.
  struct Group {
    T* y;
    int begin, end;
    bool further;
  };
  Term term[terms_per_launch];
  Group group[groups_per_launch];
  int terms = 0, groups = 0;
};

/// y[0 .. n-1] at `first` of a group.
template <int n, class T>
__device__ void add_terms(const Sums<T>& sums, const typename Sums<T>::Group& group,
                          int64_t first) {
  float sum[n] = {};
  bool empty = !group.further;
  if (group.further) read(group.y + first, sum);
  for (int t = group.begin; t < group.end; ++t) {
    const auto& term = sums.term[t];
    const float by = term.weight != nullptr ? *term.weight : term.constant;
    if (by == 0) continue;
    float x[n];
    read(term.x + first, x);
    // The first term is not added to a zero, which would turn -0 into 0.
#pragma unroll
    for (int i = 0; i < n; ++i) sum[i] = empty ? by * x[i] : sum[i] + by * x[i];
    empty = false;
  }
  write(group.y + first, sum);
}

/// A group for each y of the grid: `vectors` whole ones, then the rest one by one.
template <class T>
__global__ void sums_kernel(const __grid_constant__ Sums<T> sums, int64_t n, int64_t vectors) {
  constexpr int size = Vec<T>::size;
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t single = vectors * size + (item - vectors);
  if (item < vectors)
    add_terms<size>(sums, sums.group[blockIdx.y], item * size);
  else if (single < n)
    add_terms<1>(sums, sums.group[blockIdx.y], single);
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
  float* dp;
  int64_t n;
  int row;
  __device__ void operator()(const Dots& dots) const {
    for (int64_t i = 0; i < n; ++i) dp[i] = 0;
    dp[2 * row] = static_cast<float>(dots.f);
    dp[2 * row + 1] = static_cast<float>(dots.r);
  }
};

}  // namespace

template <class T>
void gate_sums(CudaContext& ctx, const std::vector<std::vector<GateTerm<T>>>& terms, View<T> y) {
  if (y.numel() == 0) return;
  const int64_t n = y.numel() / static_cast<int64_t>(terms.size());
  bool aligned = terms.size() == 1 ? is_aligned(y.data) : fits_vec(y.data, n);
  for (const auto& group : terms)
    for (const GateTerm<T>& term : group) aligned = aligned && is_aligned(term.x);
  const int64_t vectors = aligned ? n / Vec<T>::size : 0;
  const int64_t items = vectors + (n - vectors * Vec<T>::size);
  Sums<T> sums;
  const auto start = [&] {
    const dim3 grid(static_cast<unsigned>(blocks_for(items, block_threads)),
                    static_cast<unsigned>(sums.groups));
    launch(ctx, "gate", sums_kernel<T>, grid, dim3(block_threads), 0, sums, n, vectors);
    sums.terms = sums.groups = 0;
  };
  for (size_t g = 0; g < terms.size(); ++g) {
    size_t next = 0;
    do {  // no terms at all: a group that writes zeros
      if (sums.terms == terms_per_launch || sums.groups == groups_per_launch) start();
      auto& group = sums.group[sums.groups++];
      group = {y.data + static_cast<int64_t>(g) * n, sums.terms, sums.terms, next > 0};
      for (; sums.terms < terms_per_launch && next < terms[g].size(); ++next)
        sums.term[sums.terms++] = {terms[g][next].x, terms[g][next].weight,
                                   static_cast<float>(terms[g][next].constant)};
      group.end = sums.terms;
    } while (next < terms[g].size());
  }
  start();
}

template <class T>
void gate_dots(CudaContext& ctx, View<const T> dy, const T* f, const T* r, int row,
               View<stat_t<T>> dp) {
  const bool aligned = is_aligned(dy.data) && is_aligned(f) && is_aligned(r);
  reduce_tree<Dots>(ctx, "gate_dots", blocks_for(dy.numel(), dot_group),
                    GroupDots<T>{dy.numel(), aligned, dy.data, f, r},
                    WriteDots{dp.data, dp.numel(), row});
}

#define WEFT_INSTANTIATE(T)                                                                     \
  template void gate_sums(CudaContext&, const std::vector<std::vector<GateTerm<T>>>&, View<T>); \
  template void gate_dots<T>(CudaContext&, View<const T>, const T*, const T*, int, View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
