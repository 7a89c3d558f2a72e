// conv2d forward and backward_input on tensor cores: to[m, n] = bias[n] + sum over taps t, over k
// of from[source(m, t), k] weight[n, t, k], with from = x or dy and k its channels, contiguous.
// Pixels m are taken class by class: all pixels of a class see the same taps inside the image, so
// its tiles multiply just these, exactly, and no loop tests a border. A dilated 3x3 on a small map
// has nine classes. backward_input is the same sum with the roles swapped, over weight[c, t, k]
// transposed once, and a class for each residue of the stride.
// A block makes BM x BN of the result, each warp 64 x 64 (or 64 x 32), from stages of 128 bytes of
// k; large tiles read less through the second cache, which is what bounds them. A warp loads the
// fragments of one step while the tensor cores work on the step before.
#include <algorithm>
#include <vector>

#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma.cuh"
#include "ops/conv2d_tensor_cuda.cuh"

namespace weft::tensor_conv {
namespace {

constexpr int row_bytes = 128, chunks = row_bytes / 16;
constexpr int max_taps = 3, max_runs = 8, max_classes = max_runs * max_runs;

/// A stretch of destination indices start, start + step, .. that see the same taps along one axis.
struct Run {
  int start, count, taps;
  int tap[max_taps], source[max_taps];  ///< the tap's index, and what it reads for `start`
};

struct Axis {
  int runs = 0, extent = 0, source_extent = 0;
  Run run[max_runs];
};

struct Class {
  int row_run, column_run, first_tile;
};

template <class T>
struct Args {
  const T *from, *weight, *bias;
  T* to;
  int depth, columns, kernel_width, taps;
  int images, step, source_step;  ///< from one pixel of a run to the next
  bool pairs;                     ///< two neighbours of `to` may be written at once
  Axis rows, cols;
  int classes;
  Class list[max_classes];
};

/// False where the axis has more stretches than a kernel argument holds.
template <class Source>
bool build_axis(Axis& axis, int extent, int source_extent, int taps, int step, Source&& source) {
  axis.extent = extent;
  axis.source_extent = source_extent;
  for (int residue = 0; residue < step; ++residue) {
    Run* open = nullptr;
    for (int at = residue; at < extent; at += step) {
      Run seen{at, 1, 0, {}, {}};
      for (int t = 0; t < taps; ++t) {
        const int from = source(at, t);
        if (from < 0 || from >= source_extent) continue;
        seen.tap[seen.taps] = t;
        seen.source[seen.taps++] = from;
      }
      if (open != nullptr && open->taps == seen.taps &&
          std::equal(seen.tap, seen.tap + seen.taps, open->tap)) {
        ++open->count;
        continue;
      }
      if (axis.runs == max_runs) return false;
      open = &axis.run[axis.runs++];
      *open = seen;
    }
  }
  return true;
}

/// Tiles of `tile_m` pixels by class, the deepest classes first; returns how many there are.
template <class T>
int list_classes(Args<T>& args, int tile_m) {
  std::vector<Class> all;
  for (int r = 0; r < args.rows.runs; ++r)
    for (int c = 0; c < args.cols.runs; ++c) all.push_back({r, c, 0});
  const auto depth = [&](const Class& c) {
    return args.rows.run[c.row_run].taps * args.cols.run[c.column_run].taps;
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Class& a, const Class& b) { return depth(a) > depth(b); });
  int tiles = 0;
  for (Class& c : all) {
    c.first_tile = tiles;
    const int pixels =
        args.images * args.rows.run[c.row_run].count * args.cols.run[c.column_run].count;
    tiles += (pixels + tile_m - 1) / tile_m;
  }
  args.classes = static_cast<int>(all.size());
  std::copy(all.begin(), all.end(), args.list);
  return tiles;
}

/// Where 16-byte chunk `chunk` of a tile's row lies: rotated, so that eight rows' chunks and eight
/// chunks of a row both fall into different banks.
__device__ inline int swizzled(int row, int chunk) {
  return row * row_bytes + ((chunk ^ (row & 7)) << 4);
}

/// Position of pixel m of a class: image, and indices along both runs.
struct Place {
  int image, i, j;
  __device__ Place(int m, const Run& rows, const Run& cols) {
    j = m % cols.count;
    const int rest = m / cols.count;
    i = rest % rows.count;
    image = rest / rows.count;
  }
};

/// What a block is made of.
template <int tile_m, int tile_n>
struct Block {
  static constexpr int m = tile_m, n = tile_n;
  static constexpr int warp_n = tile_n >= 128 ? 64 : 32;
  static constexpr int across = tile_n / warp_n, warps = tile_m / 64 * across;
  static constexpr int threads = 32 * warps;
  static constexpr int stages = warps > 4 ? 4 : 3;
  static constexpr int stage_bytes = (tile_m + tile_n) * row_bytes;
  static constexpr int resident = warps > 4 ? 1 : 2;  ///< blocks a multiprocessor holds at once
};

template <class T, class B>
__global__ void __launch_bounds__(B::threads, B::resident)
    gather_kernel(const __grid_constant__ Args<T> a) {
  constexpr int m_tiles = 4, n_tiles = B::warp_n / 8, stages = B::stages;
  constexpr int elements = 16 / sizeof(T), depth_step = row_bytes / sizeof(T);
  constexpr int rows_at_once = B::threads / chunks, copies = B::m / rows_at_once;
  constexpr int steps_a_stage = row_bytes / mma::step_bytes;
  extern __shared__ __align__(128) unsigned char memory[];
  const uint32_t shared = mma::shared_address(memory);
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int first_n = blockIdx.x * B::n;

  int index = a.classes - 1;
  while (a.list[index].first_tile > static_cast<int>(blockIdx.y)) --index;
  const Run& rows = a.rows.run[a.list[index].row_run];
  const Run& cols = a.cols.run[a.list[index].column_run];
  const int pixels = a.images * rows.count * cols.count;
  const int first_m = (static_cast<int>(blockIdx.y) - a.list[index].first_tile) * B::m;

  // This thread copies chunk `chunk` of every rows_at_once-th row, of pixels and of weights.
  const int chunk = thread % chunks, first_row = thread / chunks;
  int base[copies];
#pragma unroll
  for (int i = 0; i < copies; ++i) {
    const int m = first_m + first_row + rows_at_once * i;
    base[i] = -1;
    if (m >= pixels) continue;
    const Place at(m, rows, cols);
    base[i] = ((at.image * a.rows.source_extent + at.i * a.source_step) * a.cols.source_extent +
               at.j * a.source_step) *
                  a.depth +
              chunk * elements;
  }
  const int64_t weight_row = int64_t{a.taps} * a.depth;
  const T* const weight = a.weight + (first_n + first_row) * weight_row + chunk * elements;

  int row_tap = 0, column_tap = 0, k = 0;  // of the next stage to be copied
  const int steps = rows.taps * cols.taps * ((a.depth + depth_step - 1) / depth_step);
  const auto copy_stage = [&](int stage) {
    const uint32_t to = shared + stage * B::stage_bytes;
    const int tap = rows.tap[row_tap] * a.kernel_width + cols.tap[column_tap];
    const T* const from =
        a.from +
        int64_t{rows.source[row_tap] * a.cols.source_extent + cols.source[column_tap]} * a.depth +
        k;
    const bool inside = k + chunk * elements < a.depth;
#pragma unroll
    for (int i = 0; i < copies; ++i) {
      const bool valid = inside && base[i] >= 0;
      mma::copy_async(to + swizzled(first_row + rows_at_once * i, chunk),
                      valid ? from + base[i] : a.from, valid);
    }
    const T* const w = weight + int64_t{tap} * a.depth + k;
#pragma unroll
    for (int i = 0; i < B::n / rows_at_once; ++i) {
      const int row = first_row + rows_at_once * i;
      const bool valid = inside && first_n + row < a.columns;
      mma::copy_async(to + B::m * row_bytes + swizzled(row, chunk),
                      valid ? w + rows_at_once * i * weight_row : a.weight, valid);
    }
    k += depth_step;
    if (k < a.depth) return;
    k = 0;
    if (++column_tap < cols.taps) return;
    column_tap = 0;
    ++row_tap;
  };

  float sum[m_tiles][n_tiles][4] = {};
  uint32_t left[2][m_tiles][4], right[2][n_tiles / 2][4];
  const int warp_row = warp / B::across * 64, warp_column = warp % B::across * B::warp_n;
  const auto load_step = [&](int stage, int step, int to) {
    const uint32_t pixels_at = shared + stage * B::stage_bytes;
    const uint32_t weights_at = pixels_at + B::m * row_bytes;
#pragma unroll
    for (int i = 0; i < m_tiles; ++i)
      mma::load_matrices(left[to][i],
                         pixels_at + swizzled(warp_row + 16 * i + lane % 16, 2 * step + lane / 16));
#pragma unroll
    for (int j = 0; j < n_tiles / 2; ++j)
      mma::load_matrices(right[to][j],
                         weights_at + swizzled(warp_column + 16 * j + lane % 8 + lane / 16 * 8,
                                               2 * step + lane / 8 % 2));
  };
  const auto multiply_step = [&](int from) {
#pragma unroll
    for (int i = 0; i < m_tiles; ++i) mma::round_fragment<T>(left[from][i]);
#pragma unroll
    for (int j = 0; j < n_tiles / 2; ++j) mma::round_fragment<T>(right[from][j]);
#pragma unroll
    for (int i = 0; i < m_tiles; ++i)
#pragma unroll
      for (int j = 0; j < n_tiles; ++j)
        mma::multiply<T>(sum[i][j], left[from][i], right[from][j / 2][j % 2 * 2],
                         right[from][j / 2][j % 2 * 2 + 1]);
  };

#pragma unroll
  for (int s = 0; s < stages - 1; ++s) {
    if (s < steps) copy_stage(s);
    mma::commit();
  }
  mma::wait<stages - 2>();
  __syncthreads();
  load_step(0, 0, 0);
  for (int s = 0; s < steps; ++s)
#pragma unroll
    for (int step = 0; step < steps_a_stage; ++step) {
      if (step + 1 < steps_a_stage) {
        load_step(s % stages, step + 1, (step + 1) % 2);
      } else {
        mma::wait<stages - 2>();  // the next stage has come for all; none still reads this one
        __syncthreads();
        load_step((s + 1) % stages, 0, 0);
      }
      if (step == 0) {  // refills the stage that all left at the last barrier
        if (s + stages - 1 < steps) copy_stage((s + stages - 1) % stages);
        mma::commit();
      }
      multiply_step(step % 2);
    }

#pragma unroll
  for (int i = 0; i < m_tiles; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int m = first_m + warp_row + 16 * i + 8 * half + lane / 4;
      if (m >= pixels) continue;
      const Place at(m, rows, cols);
      const int64_t pixel =
          (int64_t{at.image} * a.rows.extent + rows.start + at.i * a.step) * a.cols.extent +
          cols.start + at.j * a.step;
      T* const out = a.to + pixel * a.columns;
#pragma unroll
      for (int j = 0; j < n_tiles; ++j) {
        const int n = first_n + warp_column + 8 * j + lane % 4 * 2;
        float y[2] = {sum[i][j][2 * half], sum[i][j][2 * half + 1]};
        if (a.bias != nullptr)
          for (int e = 0; e < 2; ++e) y[e] += n + e < a.columns ? load(a.bias + n + e) : 0.0F;
        if (a.pairs && n < a.columns)
          store_pair(out + n, y[0], y[1]);
        else
          for (int e = 0; e < 2; ++e)
            if (n + e < a.columns) store(out + n + e, y[e]);
      }
    }
}

template <class T>
bool aligned(const T* p) {
  return reinterpret_cast<uintptr_t>(p) % 16 == 0;
}

template <class T, class B>
void start(CudaContext& ctx, const char* name, Args<T>& args) {
  constexpr int bytes = B::stages * B::stage_bytes;
  static const cudaError_t granted =
      cudaFuncSetAttribute(gather_kernel<T, B>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  check(granted, name);
  const int tiles = list_classes(args, B::m);
  launch(
      ctx, name, gather_kernel<T, B>,
      dim3(static_cast<unsigned>((args.columns + B::n - 1) / B::n), static_cast<unsigned>(tiles)),
      dim3(B::threads), bytes, args);
}

/// The tile is chosen by sizes alone: large ones where there are enough of them for any card.
template <class T>
void run(CudaContext& ctx, const char* name, Args<T>& args) {
  args.pairs = args.columns % 2 == 0 && aligned(args.to);
  const int64_t pixels = int64_t{args.images} * args.rows.extent * args.cols.extent;
  if (args.columns <= 64)
    start<T, Block<128, 64>>(ctx, name, args);
  else if (blocks_for(pixels, 256) * blocks_for(args.columns, 128) >= 200)
    start<T, Block<256, 128>>(ctx, name, args);
  else
    start<T, Block<128, 128>>(ctx, name, args);
}

constexpr int transpose_tile = 32;

/// out[c, t, k] = weight[k, t, c]
template <class T>
__global__ void transpose_kernel(const T* weight, int k_extent, int taps, int c_extent, T* out) {
  __shared__ T tile[transpose_tile][transpose_tile + 1];
  const int t = blockIdx.z, c0 = blockIdx.x * transpose_tile, k0 = blockIdx.y * transpose_tile;
  for (int row = threadIdx.y; row < transpose_tile; row += blockDim.y) {
    const int k = k0 + row, c = c0 + static_cast<int>(threadIdx.x);
    if (k < k_extent && c < c_extent)
      tile[row][threadIdx.x] = weight[(int64_t{k} * taps + t) * c_extent + c];
  }
  __syncthreads();
  for (int row = threadIdx.y; row < transpose_tile; row += blockDim.y) {
    const int c = c0 + row, k = k0 + static_cast<int>(threadIdx.x);
    if (k < k_extent && c < c_extent)
      out[(int64_t{c} * taps + t) * k_extent + k] = tile[threadIdx.x][row];
  }
}

/// What both directions ask of a shape; offsets inside a kernel are 32 bits.
template <class T>
bool fits(const Conv2dShape& s, int64_t depth) {
  constexpr int64_t most = int64_t{1} << 31;
  return s.r <= max_taps && s.s <= max_taps && depth % (16 / sizeof(T)) == 0 &&
         s.input_pixels() * s.c < most && s.output_pixels() * s.k < most;
}

}  // namespace

template <class T>
bool forward(CudaContext& ctx, const Conv2dShape& s, View<const T> x, View<const T> weight,
             View<const T> bias, View<T> y) {
  if (!allowed<T>(ctx) || !fits<T>(s, s.c) || !aligned(x.data) || !aligned(weight.data))
    return false;
  const Conv2dOptions& o = s.options;
  if (o.stride.h != o.stride.w) return false;
  Args<T> args{};
  args.from = x.data;
  args.weight = weight.data;
  args.bias = bias.data;
  args.to = y.data;
  args.depth = static_cast<int>(s.c);
  args.columns = static_cast<int>(s.k);
  args.kernel_width = static_cast<int>(s.s);
  args.taps = static_cast<int>(s.taps());
  args.images = static_cast<int>(s.n);
  args.step = 1;
  args.source_step = static_cast<int>(o.stride.h);
  const auto source = [](int64_t stride, int64_t dilation, int64_t padding) {
    return
        [=](int at, int tap) { return static_cast<int>(at * stride + tap * dilation - padding); };
  };
  if (!build_axis(args.rows, static_cast<int>(s.p), static_cast<int>(s.h), static_cast<int>(s.r), 1,
                  source(o.stride.h, o.dilation.h, o.padding.h)) ||
      !build_axis(args.cols, static_cast<int>(s.q), static_cast<int>(s.w), static_cast<int>(s.s), 1,
                  source(o.stride.w, o.dilation.w, o.padding.w)))
    return false;
  if (s.output_pixels() > 0) run(ctx, "conv2d_forward", args);
  return true;
}

template <class T>
bool backward_input(CudaContext& ctx, const Conv2dShape& s, View<const T> weight, View<const T> dy,
                    View<T> dx) {
  if (!allowed<T>(ctx) || !fits<T>(s, s.k) || !aligned(dy.data)) return false;
  const Conv2dOptions& o = s.options;
  if (o.stride.h != o.stride.w) return false;
  const int stride = static_cast<int>(o.stride.h);
  Args<T> args{};
  args.from = dy.data;
  args.to = dx.data;
  args.depth = static_cast<int>(s.k);
  args.columns = static_cast<int>(s.c);
  args.kernel_width = static_cast<int>(s.s);
  args.taps = static_cast<int>(s.taps());
  args.images = static_cast<int>(s.n);
  args.step = stride;
  args.source_step = 1;
  const auto source = [stride](int64_t dilation, int64_t padding) {
    return [=](int at, int tap) {  // -1 where no output reads this pixel by this tap
      const int times = static_cast<int>(at + padding - tap * dilation);
      return times >= 0 && times % stride == 0 ? times / stride : -1;
    };
  };
  if (!build_axis(args.rows, static_cast<int>(s.h), static_cast<int>(s.p), static_cast<int>(s.r),
                  stride, source(o.dilation.h, o.padding.h)) ||
      !build_axis(args.cols, static_cast<int>(s.w), static_cast<int>(s.q), static_cast<int>(s.s),
                  stride, source(o.dilation.w, o.padding.w)))
    return false;
  const Tensor turned = Tensor::empty(weight.shape, dtype_of<T>(), ctx.memory());
  launch(ctx, "conv2d transpose", transpose_kernel<T>,
         dim3(static_cast<unsigned>((s.c + transpose_tile - 1) / transpose_tile),
              static_cast<unsigned>((s.k + transpose_tile - 1) / transpose_tile),
              static_cast<unsigned>(s.taps())),
         dim3(transpose_tile, 8), 0, weight.data, static_cast<int>(s.k), static_cast<int>(s.taps()),
         static_cast<int>(s.c), turned.data<T>());
  args.weight = turned.data<T>();
  if (s.input_pixels() > 0) run(ctx, "conv2d_backward_input", args);
  return true;
}

#define WEFT_INSTANTIATE(T)                                                                    \
  template bool forward(CudaContext&, const Conv2dShape&, View<const T>, View<const T>,        \
                        View<const T>, View<T>);                                               \
  template bool backward_input(CudaContext&, const Conv2dShape&, View<const T>, View<const T>, \
                               View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::tensor_conv
