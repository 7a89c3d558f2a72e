// gather on the GPU: copies, 16 bytes a thread where they fit. Back again, ids and their places are
// sorted as one number, so that no two are equal and any sort gives the one order (here a bitonic
// one, tiles of it in shared memory); then a few lanes share what a row of dx adds up: lane l takes
// occurrences l, l + lanes, .. in order, and lanes are combined pairwise, in float.
#include <bit>

#include "ops/gather.h"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {
namespace {

constexpr int tile = 4 * block_threads;  // keys that a block sorts in shared memory
constexpr int most_lanes = 8, most_columns = block_threads / most_lanes;
constexpr uint64_t no_key = ~uint64_t{0};  // an id that is none: after all others

/// x as [outer, values, inner], dy as [outer, n, inner].
struct Sizes {
  int64_t outer, values, n, inner;
};

Sizes sizes_of(const Shape& x, int axis, View<const int32_t> ids) {
  return {x.outer(axis), x[axis], ids.numel(), x.inner(axis + 1)};
}

/// a / b, by the short division where it does.
__device__ int64_t quotient(int64_t a, int64_t b) {
  if (((a | b) >> 32) == 0) return static_cast<uint32_t>(a) / static_cast<uint32_t>(b);
  return a / b;
}

template <int width, class T>
void copy_places(CudaContext& ctx, const Sizes& s, const T* x, const int32_t* ids, T* y) {
  struct alignas(width * sizeof(T)) Unit {
    T at[width];
  };
  const int64_t units = s.inner / width;
  for_each(ctx, "gather", s.outer * s.n * units, [=] __device__(int64_t item) {
    const int64_t row = quotient(item, units), o = quotient(row, s.n);
    const int64_t id = ids[row - o * s.n];
    if (id >= 0 && id < s.values) {
      const int64_t from = (o * s.values + id) * units + (item - row * units);
      reinterpret_cast<Unit*>(y)[item] = reinterpret_cast<const Unit*>(x)[from];
      return;
    }
    for (int i = 0; i < width; ++i) store(y + item * width + i, nanf(""));
  });
}

/// Puts two keys in order, ascending where `up`.
__device__ void exchange(uint64_t& low, uint64_t& high, bool up) {
  if ((low > high) != up) return;
  const uint64_t kept = low;
  low = high;
  high = kept;
}

/// The lower index of the pair-th pair whose indices differ in the bit `step` alone.
__device__ int64_t lower_of(int64_t pair, int64_t step) { return 2 * pair - (pair & (step - 1)); }

/// In every tile, the steps below a tile of the runs first_run, 2 first_run, .. last_run.
__global__ void sort_tiles_kernel(uint64_t* keys, int64_t first_run, int64_t last_run) {
  __shared__ uint64_t own[tile];
  const int64_t start = int64_t{blockIdx.x} * tile;
  for (int i = static_cast<int>(threadIdx.x); i < tile; i += block_threads)
    own[i] = keys[start + i];
  for (int64_t run = first_run; run <= last_run; run *= 2)
    for (int64_t step = run / 2 < tile / 2 ? run / 2 : tile / 2; step > 0; step /= 2) {
      __syncthreads();
      for (int pair = static_cast<int>(threadIdx.x); pair < tile / 2; pair += block_threads) {
        const int64_t i = lower_of(pair, step);
        exchange(own[i], own[i + step], ((start + i) & run) == 0);
      }
    }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < tile; i += block_threads)
    keys[start + i] = own[i];
}

/// keys[0 .. count-1] ascending; count is a power of two and at least a tile.
void sort(CudaContext& ctx, uint64_t* keys, int64_t count) {
  const auto tiles = [&](int64_t first_run, int64_t last_run) {
    launch(ctx, "gather sort", sort_tiles_kernel, dim3(static_cast<unsigned>(count / tile)),
           dim3(block_threads), 0, keys, first_run, last_run);
  };
  tiles(2, tile);
  for (int64_t run = 2 * tile; run <= count; run *= 2) {
    for (int64_t step = run / 2; step >= tile; step /= 2)
      for_each(ctx, "gather sort", count / 2, [=] __device__(int64_t pair) {
        const int64_t i = lower_of(pair, step);
        exchange(keys[i], keys[i + step], (i & run) == 0);
      });
    tiles(run, run);
  }
}

/// How a block's threads divide: columns * lanes * items = block_threads, all powers of two.
struct Tiling {
  int columns = 1, lanes = most_lanes, items;
  int64_t strips;
  explicit Tiling(int64_t units) {
    while (columns < most_columns && columns < units) columns *= 2;
    items = block_threads / (columns * lanes);
    strips = blocks_for(units, columns);
  }
};

/// dx's rows from sorted keys, first[v] the first of value v. Items go over all values, or where
/// ids are fewer over all keys, and then a value's first key stands for it and the rest of dx was
/// cleared before.
template <int width, class T>
__global__ void sum_places_kernel(Sizes s, Tiling t, int64_t items, bool by_value,
                                  const uint64_t* keys, const int32_t* first, const T* dy, T* dx) {
  __shared__ float memory[block_threads * width];
  const auto thread = static_cast<int>(threadIdx.x);
  const int lane = thread / t.columns % t.lanes;
  const int64_t item = blockIdx.x / t.strips * t.items + thread / (t.columns * t.lanes);
  const int64_t column = (blockIdx.x % t.strips * t.columns + thread % t.columns) * width;
  bool mine = item < s.outer * items && column < s.inner;
  int64_t o = 0, value = 0;
  float sum[width] = {};
  if (mine) {
    o = quotient(item, items);
    const int64_t place = item - o * items;
    value = by_value ? place : static_cast<int64_t>(keys[place] >> 32);
    mine = value < s.values && (by_value || first[value] == place);
  }
  if (mine)
    for (int64_t i = first[value] + lane; i < first[value + 1]; i += t.lanes) {
      const auto from = static_cast<int64_t>(keys[i] & 0xFFFFFFFFU);
      float v[width];
      read(dy + (o * s.n + from) * s.inner + column, v);
#pragma unroll
      for (int k = 0; k < width; ++k) sum[k] += v[k];
    }
#pragma unroll
  for (int k = 0; k < width; ++k) memory[thread + k * block_threads] = sum[k];
  __syncthreads();
  for (int stride = 1; stride < t.lanes; stride *= 2) {
    if (lane % (2 * stride) == 0)
#pragma unroll
      for (int k = 0; k < width; ++k)
        memory[thread + k * block_threads] +=
            memory[thread + stride * t.columns + k * block_threads];
    __syncthreads();
  }
  if (!mine || lane != 0) return;
#pragma unroll
  for (int k = 0; k < width; ++k) sum[k] = memory[thread + k * block_threads];
  write(dx + (o * s.values + value) * s.inner + column, sum);
}

}  // namespace

template <class T>
void gather_forward(CudaContext& ctx, View<const T> x, int axis, View<const int32_t> ids,
                    View<T> y) {
  const Sizes s = sizes_of(x.shape, axis, ids);
  if (y.numel() == 0) return;
  if (fits_vec(x.data, s.inner) && is_aligned(y.data))
    copy_places<Vec<T>::size>(ctx, s, x.data, ids.data, y.data);
  else
    copy_places<1>(ctx, s, x.data, ids.data, y.data);
}

template <class T>
void gather_backward(CudaContext& ctx, View<const T> dy, int axis, View<const int32_t> ids,
                     View<T> dx) {
  const Sizes s = sizes_of(dx.shape, axis, ids);
  if (dx.numel() == 0) return;
  const bool by_value = s.n >= s.values;
  if (!by_value) {
    const size_t bytes = static_cast<size_t>(dx.numel()) * sizeof(T);
    ctx.note_kernel({bytes});
    WEFT_CUDA(cudaMemsetAsync(dx.data, 0, bytes, ctx.stream()));
  }
  if (s.n == 0) return;
  const auto count =
      std::max<int64_t>(tile, static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(s.n))));
  const Tensor sorted = Tensor::empty({8 * count}, DType::u8, ctx.memory());
  const Tensor starts = Tensor::empty({s.values + 1}, DType::i32, ctx.memory());
  auto* keys = static_cast<uint64_t*>(sorted.raw());
  auto* first = starts.data<int32_t>();
  const int32_t* id = ids.data;
  for_each(ctx, "gather keys", count, [=] __device__(int64_t i) {
    const bool valid = i < s.n && id[i] >= 0 && id[i] < s.values;
    keys[i] = valid ? static_cast<uint64_t>(id[i]) << 32 | static_cast<uint64_t>(i) : no_key;
  });
  sort(ctx, keys, count);
  for_each(ctx, "gather starts", s.values + 1, [=] __device__(int64_t value) {
    int64_t low = 0, high = s.n;  // keys before low are of smaller values, from high on of no such
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (keys[middle] < static_cast<uint64_t>(value) << 32)
        low = middle + 1;
      else
        high = middle;
    }
    first[value] = static_cast<int32_t>(low);
  });
  const int64_t items = by_value ? s.values : s.n;
  const auto start = [&](auto width) {
    const Tiling t(s.inner / width());
    launch(ctx, "gather_backward", sum_places_kernel<width(), T>,
           dim3(static_cast<unsigned>(blocks_for(s.outer * items, t.items) * t.strips)),
           dim3(block_threads), 0, s, t, items, by_value, keys, first, dy.data, dx.data);
  };
  if (fits_vec(dy.data, s.inner) && is_aligned(dx.data))
    start(std::integral_constant<int, Vec<T>::size>{});
  else
    start(std::integral_constant<int, 1>{});
}

#define WEFT_INSTANTIATE(T)                                                                     \
  template void gather_forward(CudaContext&, View<const T>, int, View<const int32_t>, View<T>); \
  template void gather_backward(CudaContext&, View<const T>, int, View<const int32_t>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
