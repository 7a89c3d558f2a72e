// conv2d on the GPU, by the first of these ways that takes the shape:
//   1x1 without stride: one product by cuBLAS (ops/linear.h), but in f32x6
//   hopper_conv: implicit GEMMs by Hopper's wgmma and TMA, in TF32, bf16 and f32x6
//   tensor_conv: the same by mma.sync, on every card (conv2d_tensor_cuda.cuh)
//   columns: every shape, and full f32. Rows of the output are unrolled a piece at a time into
//     columns [pixels, taps C] (or dy's for dx, from which each input pixel gathers its taps in
//     order), and cuBLAS multiplies. Taps that see only padding everywhere are left out. Rows of
//     columns that are no multiple of 16 bytes (a stem's 7 x 7 x 3) end in zeros up to one: cuBLAS's
//     kernels for others take several times as long.
#include <vector>

#include "engine/cuda/element.cuh"
#include "engine/cuda/gemm.h"
#include "engine/cuda/launch.cuh"
#include "ops/conv2d.h"
#include "ops/conv2d_tensor_cuda.cuh"
#include "ops/linear.h"
#include "ops/reduce.h"

namespace weft::kernels {
namespace {

// Of one piece: columns of few channels that are more than the second cache holds would come back
// from memory for their product, which so many rows keep busy.
constexpr int64_t column_bytes = int64_t{128} << 20, column_rows = int64_t{1} << 17;
constexpr int most_taps = 128;

bool is_pointwise(const Conv2dShape& s) {
  return s.taps() == 1 && s.p == s.h && s.q == s.w && s.options.padding.h == 0 &&
         s.options.padding.w == 0 && s.options.stride.h == 1 && s.options.stride.w == 1;
}

/// What a kernel needs of a shape; taps: those that see the image somewhere.
struct Geometry {
  int h, w, c, k, p, q, stride_h, stride_w;
  int count = 0;
  int16_t tap[most_taps], row[most_taps], column[most_taps];  ///< offsets: tap * dilation - padding
  int depth = 0, pitch = 0;  ///< of a row of columns: its elements, and those from row to row

  /// Columns are of elements of `bytes` bytes.
  Geometry(const Conv2dShape& s, size_t bytes)
      : h(static_cast<int>(s.h)),
        w(static_cast<int>(s.w)),
        c(static_cast<int>(s.c)),
        k(static_cast<int>(s.k)),
        p(static_cast<int>(s.p)),
        q(static_cast<int>(s.q)),
        stride_h(static_cast<int>(s.options.stride.h)),
        stride_w(static_cast<int>(s.options.stride.w)) {
    const Conv2dOptions& o = s.options;
    for (int64_t t = 0; t < s.taps(); ++t) {
      if (s.valid_rows(t / s.s).size() == 0 || s.valid_columns(t % s.s).size() == 0) continue;
      if (count == most_taps) throw ShapeError("conv2d on a GPU: a kernel has 128 taps at most");
      tap[count] = static_cast<int16_t>(t);
      row[count] = static_cast<int16_t>(t / s.s * o.dilation.h - o.padding.h);
      column[count++] = static_cast<int16_t>(t % s.s * o.dilation.w - o.padding.w);
    }
    depth = pitch = count * c;
    const int unit = static_cast<int>(16 / bytes), whole = (depth + unit - 1) / unit * unit;
    if (c % 4 != 0 && whole - depth <= depth / 4)
      pitch = whole;  // or zeros cost more than they save
  }
};

/// columns [pixels first .. first + count - 1][taps][C], zeros for padding, where C divides by four:
/// a thread copies four neighbours.
template <class T>
void unroll_fours(CudaContext& ctx, const Geometry& g, const T* x, int64_t first, int64_t count,
                  T* columns) {
  constexpr int width = 4;
  const unsigned groups = static_cast<unsigned>(g.c / width), taps = static_cast<unsigned>(g.count);
  for_each(ctx, "conv2d unroll", count * taps * groups, [=] __device__(int64_t i) {
    const auto item = static_cast<unsigned>(i);  // a piece is below 2^32 elements
    const unsigned rest = item / groups, c = (item - rest * groups) * width;
    const unsigned pixel_in_piece = rest / taps, t = rest - pixel_in_piece * taps;
    const int64_t pixel = first + pixel_in_piece;
    const auto line = static_cast<unsigned>(pixel / g.q), p = line % static_cast<unsigned>(g.p);
    const int column = static_cast<int>(pixel - int64_t{line} * g.q) * g.stride_w + g.column[t];
    const int row = static_cast<int>(p) * g.stride_h + g.row[t];
    const bool inside = row >= 0 && row < g.h && column >= 0 && column < g.w;
    const T* from =
        x + ((int64_t{line / static_cast<unsigned>(g.p)} * g.h + row) * g.w + column) * g.c + c;
    T* to = columns + i * width;
#pragma unroll
    for (int e = 0; e < width; ++e) to[e] = inside ? from[e] : T{};
  });
}

constexpr unsigned items_a_thread = 4;

/// The same for few channels, in rows of `pitch`: a thread writes `width` neighbours of a row at once.
/// Neighbouring threads look at different taps, which shared memory hands out side by side and a
/// kernel's arguments only one after the other. channels: C, or 0 where it is not known here; where
/// it is known and all taps see the image, an element's place in x is one look away.
template <class T, int width, unsigned channels>
__global__ void unroll_kernel(const __grid_constant__ Geometry g, const T* x, unsigned first_line,
                              unsigned first_column, unsigned items, T* columns) {
  __shared__ int tap_row[most_taps], tap_column[most_taps];
  __shared__ int offset[channels > 0 ? most_taps * channels : 1];
  for (int t = static_cast<int>(threadIdx.x); t < g.count; t += block_threads) {
    tap_row[t] = g.row[t];
    tap_column[t] = g.column[t];
  }
  __syncthreads();
  if constexpr (channels > 0) {
    for (unsigned place = threadIdx.x; place < static_cast<unsigned>(g.depth);
         place += block_threads) {
      const unsigned t = place / channels;
      offset[place] = static_cast<int>((tap_row[t] * g.w + tap_column[t]) * int{channels} +
                                       int(place - t * channels));
    }
    __syncthreads();
  }
  const unsigned groups = static_cast<unsigned>(g.pitch / width);
  const unsigned c = channels > 0 ? channels : static_cast<unsigned>(g.c);
  const int top = tap_row[0], bottom = tap_row[g.count - 1];  // taps go from row to row
  const int left = tap_column[0], right = tap_column[g.count - 1];
  for (unsigned item = blockIdx.x * block_threads * items_a_thread + threadIdx.x, n = 0;
       n < items_a_thread && item < items; ++n, item += block_threads) {
    const unsigned pixel = item / groups;
    const unsigned begin = (item - pixel * groups) * width, across = first_column + pixel;
    const unsigned down = across / static_cast<unsigned>(g.q), line = first_line + down;
    const unsigned image = line / static_cast<unsigned>(g.p);
    const int column = static_cast<int>(across - down * static_cast<unsigned>(g.q)) * g.stride_w;
    const int row = static_cast<int>(line - image * static_cast<unsigned>(g.p)) * g.stride_h;
    const T* const from = x + int64_t{image} * g.h * g.w * g.c;
    struct alignas(sizeof(T) * width) {
      T at[width];
    } out;
    if (channels > 0 && row + top >= 0 && row + bottom < g.h && column + left >= 0 &&
        column + right < g.w) {
      const T* const own = from + (int64_t{row} * g.w + column) * g.c;
#pragma unroll
      for (unsigned e = 0; e < width; ++e)
        out.at[e] = begin + e < static_cast<unsigned>(g.depth) ? own[offset[begin + e]] : T{};
    } else {
#pragma unroll
      for (unsigned e = 0; e < width; ++e) {
        const unsigned place = begin + e, t = place / c;
        T value{};
        if (place < static_cast<unsigned>(g.depth)) {
          const int r = row + tap_row[t], q = column + tap_column[t];
          if (r >= 0 && r < g.h && q >= 0 && q < g.w)
            value = from[(int64_t{r} * g.w + q) * g.c + (place - t * c)];
        }
        out.at[e] = value;
      }
    }
    *reinterpret_cast<decltype(out)*>(columns + size_t{item} * width) = out;
  }
}

template <int width, unsigned channels, class T>
void unroll_few(CudaContext& ctx, const Geometry& g, const T* x, int64_t first, int64_t count,
                T* columns) {
  const int64_t items = count * (g.pitch / width);  // below 2^32, as a piece is
  launch(ctx, "conv2d unroll", unroll_kernel<T, width, channels>,
         dim3(static_cast<unsigned>(blocks_for(items, int64_t{block_threads} * items_a_thread))),
         dim3(block_threads), 0, g, x, static_cast<unsigned>(first / g.q),
         static_cast<unsigned>(first % g.q), static_cast<unsigned>(items), columns);
}

template <class T>
void unroll(CudaContext& ctx, const Geometry& g, const T* x, int64_t first, int64_t count,
            T* columns) {
  constexpr int wide = static_cast<int>(16 / sizeof(T));
  if (g.c % 4 == 0) return unroll_fours(ctx, g, x, first, count, columns);
  if (g.pitch % wide != 0) return unroll_few<1, 0>(ctx, g, x, first, count, columns);
  if (g.c == 3) return unroll_few<wide, 3>(ctx, g, x, first, count, columns);
  if (g.c == 1) return unroll_few<wide, 1>(ctx, g, x, first, count, columns);
  unroll_few<wide, 0>(ctx, g, x, first, count, columns);
}

/// dx of `images` images from columns [their output pixels][pitch]: each input pixel adds, tap by
/// tap, what the outputs that read it have for it.
template <class T>
void gather(CudaContext& ctx, const Geometry& g, const T* columns, int64_t images, T* dx) {
  for_each(ctx, "conv2d gather", images * g.h * g.w * g.c, [=] __device__(int64_t i) {
    const int c = static_cast<int>(i % g.c);
    const int64_t pixel = i / g.c;
    const int column = static_cast<int>(pixel % g.w);
    const int row = static_cast<int>(pixel / g.w % g.h);
    const int64_t image = pixel / g.w / g.h;
    float sum = 0;
    for (int t = 0; t < g.count; ++t) {
      const int from_row = row - g.row[t], from_column = column - g.column[t];
      if (from_row < 0 || from_column < 0 || from_row % g.stride_h != 0 ||
          from_column % g.stride_w != 0)
        continue;
      const int p = from_row / g.stride_h, q = from_column / g.stride_w;
      if (p >= g.p || q >= g.q) continue;
      sum += load(columns + ((image * g.p + p) * g.q + q) * g.pitch + t * g.c + c);
    }
    store(dx + i, sum);
  });
}

/// Whether weights lie as columns do: all taps, and no zeros behind them.
bool as_columns(const Conv2dShape& s, const Geometry& g) {
  return g.count == s.taps() && g.pitch == g.depth;
}

/// weight [K, taps, C] with only the taps that see the image, in rows of `pitch`; or back again.
template <class T>
void pack_weight(CudaContext& ctx, const Geometry& g, int64_t taps, const T* weight, T* packed) {
  for_each(ctx, "conv2d pack", int64_t{g.k} * g.pitch, [=] __device__(int64_t i) {
    const int64_t k = i / g.pitch, place = i % g.pitch, t = place / g.c;
    packed[i] = place < g.depth ? weight[(k * taps + g.tap[t]) * g.c + (place - t * g.c)] : T{};
  });
}

template <class T>
void unpack_weight(CudaContext& ctx, const Geometry& g, int64_t taps, const T* packed, T* weight) {
  for_each(ctx, "conv2d unpack", int64_t{g.k} * g.depth, [=] __device__(int64_t i) {
    const int64_t k = i / g.depth, place = i % g.depth, t = place / g.c;
    weight[(k * taps + g.tap[t]) * g.c + (place - t * g.c)] = packed[k * g.pitch + place];
  });
}

/// The weight as columns lie; undefined where it does already.
template <class T>
Tensor packed_weight(CudaContext& ctx, const Conv2dShape& s, const Geometry& g, const T* weight) {
  if (as_columns(s, g)) return {};
  const Tensor packed = Tensor::empty({s.k, g.pitch}, dtype_of<T>(), ctx.memory());
  pack_weight(ctx, g, s.taps(), weight, packed.data<T>());
  return packed;
}

/// Output pixels of one piece: at least one, and no more than the workspace holds.
template <class T>
int64_t piece_pixels(const Geometry& g, int64_t pixels) {
  const int64_t row = int64_t{g.pitch} * static_cast<int64_t>(sizeof(T));
  return std::clamp<int64_t>(column_bytes / std::max<int64_t>(1, row), 1,
                             std::clamp<int64_t>(pixels, 1, column_rows));
}

template <class T>
Tensor columns_of(CudaContext& ctx, const Geometry& g, int64_t pixels) {
  return Tensor::empty({pixels, g.pitch}, dtype_of<T>(), ctx.memory());
}

}  // namespace

bool multiplies_parts(CudaContext& ctx) {
  return hopper_conv::splits<float>(ctx) && hopper_conv::available();
}

template <class T>
void conv2d_forward(CudaContext& ctx, const Conv2dShape& s, View<const T> x, View<const T> weight,
                    View<const T> bias, View<T> y) {
  if (s.output_pixels() == 0) return;
  const bool split = hopper_conv::splits<T>(ctx);
  if (split && hopper_conv::forward<T>(ctx, s, x, weight, bias, y)) return;
  if (is_pointwise(s)) return linear_forward<T>(ctx, x, {weight.data, {s.k, s.c}}, bias, y);
  if ((!split && hopper_conv::forward<T>(ctx, s, x, weight, bias, y)) ||
      tensor_conv::forward<T>(ctx, s, x, weight, bias, y))
    return;
  const Geometry g(s, sizeof(T));
  const bool has_bias = bias.data != nullptr;
  if (has_bias) expand<T>(ctx, bias, 1, y);
  const Tensor packed = packed_weight(ctx, s, g, weight.data);
  const T* const filter = packed.defined() ? packed.data<const T>() : weight.data;
  const int64_t piece = piece_pixels<T>(g, s.output_pixels());
  const Tensor columns = columns_of<T>(ctx, g, piece);
  for (int64_t first = 0; first < s.output_pixels(); first += piece) {
    const int64_t count = std::min(piece, s.output_pixels() - first);
    unroll(ctx, g, x.data, first, count, columns.data<T>());
    gemm<T>(ctx, count, s.k, g.pitch, {columns.data<const T>(), g.pitch}, {filter, g.pitch, true},
            has_bias ? 1 : 0, y.data + first * s.k, s.k);
  }
}

template <class T>
void conv2d_backward_input(CudaContext& ctx, const Conv2dShape& s, View<const T> weight,
                           View<const T> dy, View<T> dx) {
  if (s.input_pixels() == 0) return;
  const bool split = hopper_conv::splits<T>(ctx);
  if (split && hopper_conv::backward_input<T>(ctx, s, weight, dy, dx)) return;
  if (is_pointwise(s)) return linear_backward_input<T>(ctx, {weight.data, {s.k, s.c}}, dy, dx);
  if ((!split && hopper_conv::backward_input<T>(ctx, s, weight, dy, dx)) ||
      tensor_conv::backward_input<T>(ctx, s, weight, dy, dx))
    return;
  const Geometry g(s, sizeof(T));
  const Tensor packed = packed_weight(ctx, s, g, weight.data);
  const T* const filter = packed.defined() ? packed.data<const T>() : weight.data;
  const int64_t map = s.p * s.q;
  const int64_t images = std::clamp<int64_t>(piece_pixels<T>(g, s.output_pixels()) / map, 1, s.n);
  const Tensor columns = columns_of<T>(ctx, g, images * map);
  for (int64_t first = 0; first < s.n; first += images) {
    const int64_t count = std::min(images, s.n - first);
    gemm<T>(ctx, count * map, g.pitch, s.k, {dy.data + first * map * s.k, s.k}, {filter, g.pitch},
            0, columns.data<T>(), g.pitch);
    gather(ctx, g, columns.data<const T>(), count, dx.data + first * s.h * s.w * s.c);
  }
}

template <class T>
bool conv2d_backward_input_onto(CudaContext& ctx, const Conv2dShape& s, View<const T> weight,
                                View<const T> dy, View<T> sum) {
  const bool gaps = s.r < s.options.stride.h || s.s < s.options.stride.w;  // pixels without a tap
  if (s.input_pixels() == 0 || gaps || (is_pointwise(s) && !hopper_conv::splits<T>(ctx)))
    return false;
  return hopper_conv::backward_input<T>(ctx, s, weight, dy, sum, /*adds=*/true);
}

template <class T>
void conv2d_backward_weight(CudaContext& ctx, const Conv2dShape& s, View<const T> x,
                            View<const T> dy, View<stat_t<T>> dweight) {
  const bool split = hopper_conv::splits<T>(ctx);
  if (split && hopper_conv::backward_weight<T>(ctx, s, x, dy, dweight)) return;
  if (is_pointwise(s)) return linear_backward_weight<T>(ctx, x, dy, {dweight.data, {s.k, s.c}});
  if ((!split && hopper_conv::backward_weight<T>(ctx, s, x, dy, dweight)) ||
      tensor_conv::backward_weight<T>(ctx, s, x, dy, dweight))
    return;
  const Geometry g(s, sizeof(T));
  const bool whole = as_columns(s, g);
  const int64_t piece = piece_pixels<T>(g, s.output_pixels());
  const Tensor columns = columns_of<T>(ctx, g, piece);
  const Tensor sums = Tensor::empty({s.k, g.pitch}, DType::f32, ctx.memory());
  float* const to = whole ? dweight.data : sums.data<float>();
  if (!whole || s.output_pixels() == 0)
    for_each(ctx, "conv2d zero", dweight.numel(),
             [out = dweight.data] __device__(int64_t i) { out[i] = 0; });
  for (int64_t first = 0; first < s.output_pixels(); first += piece) {
    const int64_t count = std::min(piece, s.output_pixels() - first);
    unroll(ctx, g, x.data, first, count, columns.data<T>());
    gemm<T>(ctx, s.k, g.pitch, count, {dy.data + first * s.k, s.k, true},
            {columns.data<const T>(), g.pitch}, first == 0 ? 0 : 1, to, g.pitch);
  }
  if (!whole && s.output_pixels() > 0)
    unpack_weight(ctx, g, s.taps(), static_cast<const float*>(to), dweight.data);
}

#define WEFT_INSTANTIATE(T)                                                                    \
  template void conv2d_forward(CudaContext&, const Conv2dShape&, View<const T>, View<const T>, \
                               View<const T>, View<T>);                                        \
  template void conv2d_backward_input(CudaContext&, const Conv2dShape&, View<const T>,         \
                                      View<const T>, View<T>);                                 \
  template bool conv2d_backward_input_onto(CudaContext&, const Conv2dShape&, View<const T>,    \
                                           View<const T>, View<T>);                            \
  template void conv2d_backward_weight(CudaContext&, const Conv2dShape&, View<const T>,        \
                                       View<const T>, View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
