// conv2d with a group for every channel (depthwise): output k reads channel k / m alone, m = K / C.
//   y[n, p, q, k] = bias[k] + sum over r, s of x[n, h, w, k / m] weight[k, r, s, 0]
// x [N, H, W, C], weight [K, R, S, 1], y [N, P, Q, K], sizes and places as in ops/conv2d.h. Direct
// loops over the taps, in order, since there are no matrices to multiply. dx gathers; dweight is
// summed over fixed runs of output pixels, and these in a fixed tree.
#pragma once

#include "ops/conv2d.h"

namespace weft::kernels {

/// Output pixels that are added one after the other for dweight, which bounds f32's rounding.
inline constexpr int64_t depthwise_run = 256;

/// bias.data may be null.
template <class T>
void depthwise_forward(CpuContext&, const Conv2dShape&, View<const T> x, View<const T> weight,
                       View<const T> bias, View<T> y);
template <class T>
void depthwise_forward(CudaContext&, const Conv2dShape&, View<const T> x, View<const T> weight,
                       View<const T> bias, View<T> y);
template <class T>
void depthwise_backward_input(CpuContext&, const Conv2dShape&, View<const T> weight,
                              View<const T> dy, View<T> dx);
template <class T>
void depthwise_backward_input(CudaContext&, const Conv2dShape&, View<const T> weight,
                              View<const T> dy, View<T> dx);
template <class T>
void depthwise_backward_weight(CpuContext&, const Conv2dShape&, View<const T> x, View<const T> dy,
                               View<stat_t<T>> dweight);
template <class T>
void depthwise_backward_weight(CudaContext&, const Conv2dShape&, View<const T> x, View<const T> dy,
                               View<stat_t<T>> dweight);

}  // namespace weft::kernels
