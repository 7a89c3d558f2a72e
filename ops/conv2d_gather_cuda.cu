// conv2d forward and backward_input on tensor cores: to[m, n] = bias[n] + sum over taps t, over k
// of from[source(m, t), k] weight[n, t, k], with from = x or dy and k its channels, contiguous.
// Pixels m are taken class by class: all pixels of a class see the same taps inside the image, so
// its tiles multiply just these, exactly, and no loop tests a border. A dilated 3x3 on a small map
// has nine classes. backward_input is the same sum with the roles swapped, over weight[c, t, k]
// transposed once, and a class for each residue of the stride.
// A block makes 128 x BN of the result: 4 warps of 64 x BN / 2, three stages of 128 bytes of k.
#include <algorithm>
#include <vector>

#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma.cuh"
#include "ops/conv2d_tensor_cuda.cuh"

namespace weft::tensor_conv {
namespace {

constexpr int tile_m = 128, threads = 128, stages = 3, row_bytes = 128, chunks = row_bytes / 16;
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

/// Tiles by class, the deepest classes first; returns how many tiles there are.
template <class T>
int list_classes(Args<T>& args) {
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

template <class T, int BN>
__global__ void __launch_bounds__(threads, 2) gather_kernel(const __grid_constant__ Args<T> a) {
  constexpr int warp_n = BN / 2, n_tiles = warp_n / 8, m_tiles = 4;
  constexpr int elements = 16 / sizeof(T), depth_step = row_bytes / sizeof(T);
  constexpr int stage_bytes = (tile_m + BN) * row_bytes;
  extern __shared__ __align__(128) unsigned char memory[];
  const uint32_t shared = mma::shared_address(memory);
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int first_n = blockIdx.x * BN;

  int index = a.classes - 1;
  while (a.list[index].first_tile > static_cast<int>(blockIdx.y)) --index;
  const Run& rows = a.rows.run[a.list[index].row_run];
  const Run& cols = a.cols.run[a.list[index].column_run];
  const int pixels = a.images * rows.count * cols.count;
  const int first_m = (static_cast<int>(blockIdx.y) - a.list[index].first_tile) * tile_m;

  // This thread copies chunk `chunk` of rows thread / 8 + 16 i, of pixels and of weights.
  const int chunk = thread % chunks, first_row = thread / chunks;
  int base[tile_m / 16];
#pragma unroll
  for (int i = 0; i < tile_m / 16; ++i) {
    const int m = first_m + first_row + 16 * i;
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
    const uint32_t to = shared + stage * stage_bytes;
    const int tap = rows.tap[row_tap] * a.kernel_width + cols.tap[column_tap];
    const int64_t from =
        int64_t{rows.source[row_tap] * a.cols.source_extent + cols.source[column_tap]} * a.depth +
        k;
    const bool inside = k + chunk * elements < a.depth;
#pragma unroll
    for (int i = 0; i < tile_m / 16; ++i) {
      const bool valid = inside && base[i] >= 0;
      mma::copy_async(to + swizzled(first_row + 16 * i, chunk),
                      valid ? a.from + (from + base[i]) : a.from, valid);
    }
    const T* const w = weight + int64_t{tap} * a.depth + k;
#pragma unroll
    for (int i = 0; i < BN / 16; ++i) {
      const bool valid = inside && first_n + first_row + 16 * i < a.columns;
      mma::copy_async(to + tile_m * row_bytes + swizzled(first_row + 16 * i, chunk),
                      valid ? w + 16 * i * weight_row : a.weight, valid);
    }
    k += depth_step;
    if (k < a.depth) return;
    k = 0;
    if (++column_tap < cols.taps) return;
    column_tap = 0;
    ++row_tap;
  };

  float sum[m_tiles][n_tiles][4] = {};
  const int warp_row = warp / 2 * 64, warp_column = warp % 2 * warp_n;
  const auto multiply_stage = [&](int stage) {
    const uint32_t pixels_at = shared + stage * stage_bytes;
    const uint32_t weights_at = pixels_at + tile_m * row_bytes;
#pragma unroll
    for (int step = 0; step < row_bytes / mma::step_bytes; ++step) {
      uint32_t left[m_tiles][4], right[n_tiles / 2][4];
#pragma unroll
      for (int i = 0; i < m_tiles; ++i) {
        const int row = warp_row + 16 * i + lane % 16;
        mma::load_matrices(left[i], pixels_at + swizzled(row, 2 * step + lane / 16));
        mma::round_fragment<T>(left[i]);
      }
#pragma unroll
      for (int j = 0; j < n_tiles / 2; ++j) {
        const int row = warp_column + 16 * j + lane % 8 + lane / 16 * 8;
        mma::load_matrices(right[j], weights_at + swizzled(row, 2 * step + lane / 8 % 2));
        mma::round_fragment<T>(right[j]);
      }
#pragma unroll
      for (int i = 0; i < m_tiles; ++i)
#pragma unroll
        for (int j = 0; j < n_tiles; ++j)
          mma::multiply<T>(sum[i][j], left[i], right[j / 2][j % 2 * 2],
                           right[j / 2][j % 2 * 2 + 1]);
    }
  };

#pragma unroll
  for (int s = 0; s < stages - 1; ++s) {
    if (s < steps) copy_stage(s);
    mma::commit();
  }
  for (int s = 0; s < steps; ++s) {
    mma::wait<stages - 2>();
    __syncthreads();  // stage s has come for all, and all are done with the one that is refilled
    if (s + stages - 1 < steps) copy_stage((s + stages - 1) % stages);
    mma::commit();
    multiply_stage(s % stages);
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

template <class T, int BN>
void start(CudaContext& ctx, const char* name, const Args<T>& args, int tiles) {
  constexpr int bytes = stages * (tile_m + BN) * row_bytes;
  static const cudaError_t granted = cudaFuncSetAttribute(
      gather_kernel<T, BN>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  check(granted, name);
  launch(ctx, name, gather_kernel<T, BN>,
         dim3(static_cast<unsigned>((args.columns + BN - 1) / BN), static_cast<unsigned>(tiles)),
         dim3(threads), bytes, args);
}

template <class T>
void run(CudaContext& ctx, const char* name, Args<T>& args) {
  const int tiles = list_classes(args);
  args.pairs = args.columns % 2 == 0 && aligned(args.to);
  if (args.columns > 64)
    start<T, 128>(ctx, name, args, tiles);
  else
    start<T, 64>(ctx, name, args, tiles);
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
