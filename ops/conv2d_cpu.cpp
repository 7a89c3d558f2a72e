// conv2d on the CPU: implicit GEMM over lists of pixels. Which input pixel a tap reads for which
// output pixel is a table (ops/conv2d_tables.h); engine/cpu/gemm.h takes its rows through it.
//   compact: one product per tap, over the pairs that lie inside the image (deep or dilated layers)
//   joint:   all taps in one product, padding read as rows of zeros (few channels, little padding)
//   padded:  very few channels (the stem): x is copied with its padding, and a kernel row, S * C
//            neighbours in memory, is one stretch
#include <algorithm>

#include "engine/cpu/gemm.h"
#include "ops/conv2d.h"
#include "ops/conv2d_tables.h"

namespace weft::kernels {
namespace {

using conv_tables::Table;
using conv_tables::TapPairs;

constexpr int64_t stem_channels = 8, joint_channels = 128;

bool is_padded(const Conv2dShape& s) {
  return s.c <= stem_channels && s.s > 1 && s.options.dilation.w == 1;
}

/// Depth: the channels that one tap sums over.
bool is_joint(const Conv2dShape& s, int64_t depth) {
  return depth <= joint_channels && s.options.stride.h == 1 && s.options.stride.w == 1 &&
         12 * conv2d_useful_macs(s) >= 11 * conv2d_macs(s);
}

/// A 1x1 convolution without stride and padding: pixel i reads pixel i.
bool is_pointwise(const Conv2dShape& s) {
  return s.taps() == 1 && s.input_pixels() == s.output_pixels() && s.p == s.h &&
         s.options.padding.h == 0 && s.options.padding.w == 0;
}

/// x with its padding written out, and where output pixel i's first tap lies in it.
template <class T>
struct PaddedInput {
  Tensor image;
  Table table;
  int64_t width = 0;

  PaddedInput(CpuContext& ctx, const Conv2dShape& s, const T* x) {
    const Conv2dOptions& o = s.options;
    const int64_t height = s.h + 2 * o.padding.h;
    width = s.w + 2 * o.padding.w;
    image = Tensor::empty({s.n, height, width, s.c}, dtype_of<T>(), ctx.memory());
    table = conv_tables::of_padded(ctx, s);
    T* to = image.data<T>();
    const int64_t row = s.w * s.c, padded_row = width * s.c, left = o.padding.w * s.c;
    ctx.for_chunks(s.n * height, 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* line = to + i * padded_row;
        const int64_t h = i % height - o.padding.h;
        if (h < 0 || h >= s.h) {
          std::fill_n(line, padded_row, T{0});
          continue;
        }
        std::fill_n(line, left, T{0});
        std::copy_n(x + (i / height * s.h + h) * row, row, line + left);
        std::fill_n(line + left + row, left, T{0});
      }
    });
  }
  /// Kernel row r's stretch for every output pixel.
  Rows<T> row(const Conv2dShape& s, int64_t r) const {
    return {image.data<T>() + r * s.options.dilation.h * width * s.c, s.c, table.get()};
  }
};

/// Both directions of one gather: from pixels of `depth` channels to those of the other side.
template <class T>
void gather_product(CpuContext& ctx, const Conv2dShape& s, const T* from, int64_t depth,
                    const T* weight, bool forward, const RowOutput<T>& to) {
  const int64_t weight_row = s.taps() * s.c;
  const Layout layout = forward ? Layout::along_k : Layout::along_n;
  const auto tap_weight = [&](int64_t t) { return Rows<T>{weight + t * s.c, weight_row}; };
  std::vector<RowProduct<T>> products;
  if (is_pointwise(s)) {
    gemm_rows<T>(ctx, to, layout, {{to.rows, nullptr, depth, {{{from, depth}, tap_weight(0)}}}});
  } else if (is_joint(s, depth)) {
    const Table table = forward ? conv_tables::of_outputs(ctx, s) : conv_tables::of_inputs(ctx, s);
    RowProduct<T> all{to.rows, nullptr, depth, {}};
    for (int64_t t = 0; t < s.taps(); ++t)
      all.parts.push_back({{from, depth, table.get() + t * to.rows}, tap_weight(t)});
    gemm_rows<T>(ctx, to, layout, {all});
  } else {
    const TapPairs pairs(ctx, s);
    for (const auto& tap : pairs.taps()) {
      if (tap.count == 0) continue;
      const bool whole = tap.count == to.rows;  // then the list is 0 .. rows-1
      products.push_back({tap.count,
                          whole     ? nullptr
                          : forward ? tap.out
                                    : tap.in,
                          depth,
                          {{{from, depth, forward ? tap.in : tap.out}, tap_weight(tap.index)}}});
    }
    // A product that covers every pixel goes first: it writes what the others add to.
    std::stable_partition(products.begin(), products.end(),
                          [](const RowProduct<T>& p) { return p.out == nullptr; });
    gemm_rows<T>(ctx, to, layout, products);
  }
}

}  // namespace

template <class T>
void conv2d_forward(CpuContext& ctx, const Conv2dShape& s, View<const T> x, View<const T> weight,
                    View<const T> bias, View<T> y) {
  const RowOutput<T> to{y.data, s.output_pixels(), s.k, s.k, bias.data};
  if (to.rows == 0) return;
  if (!is_padded(s)) return gather_product(ctx, s, x.data, s.c, weight.data, true, to);
  const PaddedInput<T> padded(ctx, s, x.data);
  RowProduct<T> all{to.rows, nullptr, s.s * s.c, {}};
  for (int64_t r = 0; r < s.r; ++r)
    all.parts.push_back({padded.row(s, r), {weight.data + r * s.s * s.c, s.taps() * s.c}});
  gemm_rows<T>(ctx, to, Layout::along_k, {all});
}

template <class T>
void conv2d_backward_input(CpuContext& ctx, const Conv2dShape& s, View<const T> weight,
                           View<const T> dy, View<T> dx) {
  const RowOutput<T> to{dx.data, s.input_pixels(), s.c, s.c};
  if (to.rows > 0) gather_product(ctx, s, dy.data, s.k, weight.data, false, to);
}

template <class T>
bool conv2d_backward_weight(CpuContext& ctx, const Conv2dShape& s, View<const T> x,
                            View<const T> dy, View<stat_t<T>> dweight) {
  const int64_t row = s.taps() * s.c, pixels = s.output_pixels();
  const Rows<T> all_dy{dy.data, s.k};
  if (is_padded(s) && pixels > 0) {
    const PaddedInput<T> padded(ctx, s, x.data);
    OuterProduct<T> all{pixels, all_dy, {}, dweight.data};
    for (int64_t r = 0; r < s.r; ++r) all.b.push_back(padded.row(s, r));
    return gemm_outer<T>(ctx, {s.k, s.r, s.s * s.c, row}, {all});
  } else if (is_pointwise(s)) {
    return gemm_outer<T>(ctx, {s.k, 1, s.c, row},
                         {{pixels, all_dy, {{x.data, s.c}}, dweight.data}});
  } else if (is_joint(s, s.c)) {
    const Table table = conv_tables::of_outputs(ctx, s);
    OuterProduct<T> all{pixels, all_dy, {}, dweight.data};
    for (int64_t t = 0; t < s.taps(); ++t) all.b.push_back({x.data, s.c, table.get() + t * pixels});
    return gemm_outer<T>(ctx, {s.k, s.taps(), s.c, row}, {all});
  } else {
    const TapPairs pairs(ctx, s);
    std::vector<OuterProduct<T>> products;
    for (const auto& tap : pairs.taps())
      products.push_back({tap.count,
                          {dy.data, s.k, tap.out},
                          {{x.data, s.c, tap.in}},
                          dweight.data + tap.index * s.c});
    return gemm_outer<T>(ctx, {s.k, 1, s.c, row}, products);
  }
}

#define WEFT_CONV2D(T)                                                                           \
  template void conv2d_forward<T>(CpuContext&, const Conv2dShape&, View<const T>, View<const T>, \
                                  View<const T>, View<T>);                                       \
  template void conv2d_backward_input<T>(CpuContext&, const Conv2dShape&, View<const T>,         \
                                         View<const T>, View<T>);                                \
  template bool conv2d_backward_weight<T>(CpuContext&, const Conv2dShape&, View<const T>,        \
                                          View<const T>, View<T>);
WEFT_CONV2D(float)
WEFT_CONV2D(double)
#undef WEFT_CONV2D

}  // namespace weft::kernels
