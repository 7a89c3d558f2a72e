// What a block of conv2d's implicit GEMM by mma.sync does on either side of its products: it brings
// pixels and weights of the classes of conv2d_classes_cuda.cuh to shared memory, stage after stage,
// and writes the sums. A block makes one tile of pixels by columns, or a piece of the sum over k for
// one (conv2d_tiles_cuda.cuh, which starts the kernels).
#pragma once

#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma.cuh"
#include "ops/conv2d_classes_cuda.cuh"

namespace weft::tensor_conv {

constexpr int row_bytes = 128, chunks = row_bytes / 16;
constexpr int max_classes = max_runs * max_runs;

struct Class {
  int row_run, column_run, first_tile;
};

template <class T>
struct GatherArgs : Gather {
  const T *from, *weight, *bias;
  T* to;
  bool pairs;  ///< two neighbours of `to` may be written at once
  int classes;
  Class list[max_classes];
  int skipped;   ///< tiles of pixels before this launch's first
  int pieces;    ///< of every tile's k; a block owns one
  float* parts;  ///< where they go, [pieces][pixels][columns]; null: there is one, `to` is it
};

/// k per stage: 128 bytes of a row.
template <class T>
constexpr int depth_step = row_bytes / static_cast<int>(sizeof(T));

/// Where 16-byte chunk `chunk` of a tile's row lies: rotated, so that eight rows' chunks and eight
/// chunks of a row both fall into different banks.
__device__ inline int swizzled(int row, int chunk) {
  return row * row_bytes + ((chunk ^ (row & 7)) << 4);
}

/// Position of pixel m of a class: image, and indices along both runs.
struct PixelPlace {
  int image, i, j;
  __device__ PixelPlace(int m, const Run& rows, const Run& cols) {
    j = m % cols.count;
    const int rest = m / cols.count;
    i = rest % rows.count;
    image = rest / rows.count;
  }
};

/// Brings stage after stage of a block's two operands to shared memory: `tile_m` rows of pixels,
/// then `tile_n` rows of weights, 128 bytes of k each. A thread copies chunk `chunk` of every
/// rows_at_once-th row.
template <class T, int tile_m, int tile_n, int threads>
struct Copier {
  static constexpr int elements = 16 / sizeof(T);
  static constexpr int rows_at_once = threads / chunks, copies = tile_m / rows_at_once;
  const GatherArgs<T>& a;
  const Run &rows, &cols;
  int first_n, chunk, first_row;
  int base[copies];  ///< where this thread's rows begin in `from`; -1: past the class
  const T* weight;
  int row_tap = 0, column_tap = 0, k = 0;  ///< of the next stage

  __device__ Copier(const GatherArgs<T>& args, const Run& r, const Run& c, int first_m, int n)
      : a(args),
        rows(r),
        cols(c),
        first_n(n),
        chunk(threadIdx.x % chunks),
        first_row(threadIdx.x / chunks) {
    const int pixels = a.images * rows.count * cols.count;
#pragma unroll
    for (int i = 0; i < copies; ++i) {
      const int m = first_m + first_row + rows_at_once * i;
      base[i] = -1;
      if (m >= pixels) continue;
      const PixelPlace at(m, rows, cols);
      base[i] = ((at.image * a.rows.source_extent + at.i * a.source_step) * a.cols.source_extent +
                 at.j * a.source_step) *
                    a.depth +
                chunk * elements;
    }
    weight = a.weight + int64_t{first_n + first_row} * a.taps * a.depth + chunk * elements;
  }

  /// Goes to the first stage of this block's piece, and says how many there are.
  __device__ int begin_piece() {
    const int by_tap = (a.depth + depth_step<T> - 1) / depth_step<T>;
    const int all = rows.taps * cols.taps * by_tap;
    if (a.pieces == 1) return all;
    const int each = (all + a.pieces - 1) / a.pieces, first = static_cast<int>(blockIdx.z) * each;
    if (first >= all) return 0;
    const int tap = first / by_tap;
    row_tap = tap / cols.taps;
    column_tap = tap % cols.taps;
    k = (first - tap * by_tap) * depth_step<T>;
    return min(each, all - first);
  }

  __device__ void copy(uint32_t to) {
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
    const int64_t weight_row = int64_t{a.taps} * a.depth;
#pragma unroll
    for (int i = 0; i < tile_n / rows_at_once; ++i) {
      const int row = first_row + rows_at_once * i;
      const bool valid = inside && first_n + row < a.columns;
      mma::copy_async(to + tile_m * row_bytes + swizzled(row, chunk),
                      valid ? w + rows_at_once * i * weight_row : a.weight, valid);
    }
    k += depth_step<T>;
    if (k < a.depth) return;
    k = 0;
    if (++column_tap < cols.taps) return;
    column_tap = 0;
    ++row_tap;
  }
};

/// The block's class and first pixel in it.
template <class T>
struct BlockStart {
  int index, first_m;
  __device__ BlockStart(const GatherArgs<T>& a, int tile_m) : index(a.classes - 1) {
    const int tile = static_cast<int>(blockIdx.y) + a.skipped;
    while (a.list[index].first_tile > tile) --index;
    first_m = (tile - a.list[index].first_tile) * tile_m;
  }
};

/// Row m of the result, columns n, n + 1, .. by pairs: where a warp's sums go.
template <class T>
struct Output {
  const GatherArgs<T>& a;
  T* row = nullptr;       ///< null: past the class
  float* part = nullptr;  ///< of this block's piece; null: there is one, `row` is it
  __device__ Output(const GatherArgs<T>& args, const Run& rows, const Run& cols, int m) : a(args) {
    if (m >= a.images * rows.count * cols.count) return;
    const PixelPlace at(m, rows, cols);
    const int64_t pixel =
        (int64_t{at.image} * a.rows.extent + rows.start + at.i * a.step) * a.cols.extent +
        cols.start + at.j * a.step;
    row = a.to + pixel * a.columns;
    if (a.parts == nullptr) return;
    part = a.parts + (blockIdx.z * a.pixels() + pixel) * a.columns;
  }
  __device__ void write(int n, float first, float second) const {
    if (row == nullptr || n >= a.columns) return;
    const bool both = n + 1 < a.columns;
    if (part != nullptr) return put(part + n, first, second, both);
    if (a.bias != nullptr) {
      first += load(a.bias + n);
      if (both) second += load(a.bias + n + 1);
    }
    put(row + n, first, second, both);
  }
  template <class U>
  __device__ void put(U* at, float first, float second, bool both) const {
    if (a.pairs) return store_pair(at, first, second);
    store(at, first);
    if (both) store(at + 1, second);
  }
};

}  // namespace weft::tensor_conv
