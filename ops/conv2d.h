// conv2d: y[n, p, q, k] = bias[k] + sum over r, s, c of x[n, h, w, c] weight[k, r, s, c] with
//   h = p stride - padding + r dilation, w likewise; outside the image x is zero.
//   x [N, H, W, C], weight [K, R, S, C], bias [K], y [N, P, Q, K];
//   P = (H + 2 padding - dilation (R - 1) - 1) / stride + 1.
// In G groups the weight is [K, R, S, C / G]: the g-th K / G outputs read the g-th C / G channels.
// Retains x where the weight needs a gradient, and the weight where x does. A tap (r, s) is only
// multiplied for the outputs that it sees inside the image; the rest would add zeros.
#pragma once

#include "engine/tape.h"

namespace weft {

/// A height and a width; one number stands for both.
struct Extent2 {
  int64_t h, w;
  constexpr Extent2(int64_t both) : h(both), w(both) {}  // NOLINT: implicit, as in {.stride = 2}
  constexpr Extent2(int64_t h_, int64_t w_) : h(h_), w(w_) {}
};

struct Conv2dOptions {
  Extent2 stride = 1, padding = 0, dilation = 1;
  int64_t groups = 1;  ///< divides C and K; C: depthwise
};

Var conv2d(const Var& x, const Var& weight, const Conv2dOptions& = {},
           SourceLoc = SourceLoc::here());
Var conv2d(const Var& x, const Var& weight, const Var& bias, const Conv2dOptions& = {},
           SourceLoc = SourceLoc::here());

/// All sizes of one convolution.
struct Conv2dShape {
  Conv2dShape(const Shape& x, const Shape& weight, const Conv2dOptions& options);

  int64_t n, h, w, c;  ///< input
  int64_t k, r, s;     ///< output channels, kernel
  int64_t p, q;        ///< output rows and columns; 0 where the kernel exceeds the padded input
  Conv2dOptions options;

  Shape output() const { return {n, p, q, k}; }
  int64_t taps() const { return r * s; }
  int64_t group_channels() const { return c / options.groups; }
  bool depthwise() const { return options.groups > 1 && options.groups == c; }
  int64_t input_pixels() const { return n * h * w; }
  int64_t output_pixels() const { return n * p * q; }

  /// Outputs begin .. end-1 along one axis for which tap index `tap` lies inside the image.
  struct Range {
    int64_t begin, end;
    int64_t size() const { return end - begin; }
  };
  Range valid_rows(int64_t tap_row) const;
  Range valid_columns(int64_t tap_column) const;
};

/// Multiply-adds of one forward pass, counted densely: what FLOPs are quoted by (2 a MAC).
int64_t conv2d_macs(const Conv2dShape& shape);
/// Those that see the image: what is left after skipping.
int64_t conv2d_useful_macs(const Conv2dShape& shape);

/// Kernels of one group; more are theirs as well (ops/conv2d_groups.h).
namespace kernels {

/// bias.data may be null.
template <class T>
void conv2d_forward(CpuContext&, const Conv2dShape&, View<const T> x, View<const T> weight,
                    View<const T> bias, View<T> y);
template <class T>
void conv2d_forward(CudaContext&, const Conv2dShape&, View<const T> x, View<const T> weight,
                    View<const T> bias, View<T> y);
template <class T>
void conv2d_backward_input(CpuContext&, const Conv2dShape&, View<const T> weight, View<const T> dy,
                           View<T> dx);
template <class T>
void conv2d_backward_input(CudaContext&, const Conv2dShape&, View<const T> weight, View<const T> dy,
                           View<T> dx);
/// Whether products of f32 are sums of bf16's: MatrixMath::f32x6 on a card, and in a build, that has them.
inline bool multiplies_parts(CpuContext&) { return false; }
bool multiplies_parts(CudaContext&);
/// sum += dx. False where the kernels for this shape can only write: nothing is done.
template <class T>
bool conv2d_backward_input_onto(CudaContext&, const Conv2dShape&, View<const T> weight,
                                View<const T> dy, View<T> sum);
/// On the CPU: whether all of dweight is finite.
template <class T>
bool conv2d_backward_weight(CpuContext&, const Conv2dShape&, View<const T> x, View<const T> dy,
                            View<stat_t<T>> dweight);
template <class T>
void conv2d_backward_weight(CudaContext&, const Conv2dShape&, View<const T> x, View<const T> dy,
                            View<stat_t<T>> dweight);

}  // namespace kernels
}  // namespace weft
