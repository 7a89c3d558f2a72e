// conv2d in groups: each takes its C / groups channels of x out, convolves them by the kernels of
// one group with its K / groups rows of the weight, and puts its outputs where they belong.
// Where every channel is a group (depthwise), ops/conv2d_depthwise.h does all of them at once. One
// group is what conv2d's kernels do as it is. Included by conv2d.cpp and conv_transpose2d.cpp.
#pragma once

#include "ops/concat.h"
#include "ops/conv2d_depthwise.h"
#include "ops/slice.h"

namespace weft::conv_groups {

/// One group's convolution.
inline Conv2dShape part_of(const Conv2dShape& s) {
  Conv2dShape part = s;
  part.c = s.group_channels();
  part.k = s.k / s.options.groups;
  part.options.groups = 1;
  return part;
}

/// Its channels (axis 3) of x or y, and its rows of the weight or the bias.
template <class T>
Tensor empty_part(auto& ctx, const View<T>& whole, int64_t channels) {
  Shape shape = whole.shape;
  shape.set(3, channels);
  return Tensor::empty(shape, dtype_of<std::remove_const_t<T>>(), ctx.memory());
}
template <class T>
View<T> rows(const View<T>& whole, int64_t group, int64_t count) {
  if (whole.data == nullptr) return {};
  Shape shape = whole.shape;
  shape.set(0, count);
  return {whole.data + group * shape.numel(), shape};
}

template <class T, class Context>
void forward(Context& ctx, const Conv2dShape& s, View<const T> x, View<const T> weight,
             View<const T> bias, View<T> y) {
  if (s.options.groups == 1) return kernels::conv2d_forward<T>(ctx, s, x, weight, bias, y);
  if (s.depthwise()) return kernels::depthwise_forward<T>(ctx, s, x, weight, bias, y);
  const Conv2dShape part = part_of(s);
  const Tensor part_x = empty_part(ctx, x, part.c), part_y = empty_part(ctx, y, part.k);
  for (int64_t g = 0; g < s.options.groups; ++g) {
    kernels::slice_forward<T>(ctx, x, 3, g * part.c, part_x.view<T>());
    kernels::conv2d_forward<T>(ctx, part, part_x.view<T>(), rows(weight, g, part.k),
                               rows(bias, g, part.k), part_y.view<T>());
    kernels::concat_forward<T>(ctx, part_y.view<T>(), 3, g * part.k, y);
  }
}

template <class T, class Context>
void backward_input(Context& ctx, const Conv2dShape& s, View<const T> weight, View<const T> dy,
                    View<T> dx) {
  if (s.options.groups == 1) return kernels::conv2d_backward_input<T>(ctx, s, weight, dy, dx);
  if (s.depthwise()) return kernels::depthwise_backward_input<T>(ctx, s, weight, dy, dx);
  const Conv2dShape part = part_of(s);
  const Tensor part_dy = empty_part(ctx, dy, part.k), part_dx = empty_part(ctx, dx, part.c);
  for (int64_t g = 0; g < s.options.groups; ++g) {
    kernels::slice_forward<T>(ctx, dy, 3, g * part.k, part_dy.view<T>());
    kernels::conv2d_backward_input<T>(ctx, part, rows(weight, g, part.k), part_dy.view<T>(),
                                      part_dx.view<T>());
    kernels::concat_forward<T>(ctx, part_dx.view<T>(), 3, g * part.c, dx);
  }
}

/// Whether all of dweight was seen to be finite, as the kernels of both backends say it.
template <class T, class Context>
bool backward_weight(Context& ctx, const Conv2dShape& s, View<const T> x, View<const T> dy,
                     View<stat_t<T>> dweight) {
  const auto one = [&ctx](const Conv2dShape& shape, View<const T> in, View<const T> out,
                          View<stat_t<T>> to) {
    if constexpr (std::is_same_v<Context, CpuContext>)
      return kernels::conv2d_backward_weight<T>(ctx, shape, in, out, to);
    else
      return kernels::conv2d_backward_weight<T>(ctx, shape, in, out, to), false;
  };
  if (s.options.groups == 1) return one(s, x, dy, dweight);
  if (s.depthwise()) return kernels::depthwise_backward_weight<T>(ctx, s, x, dy, dweight), false;
  const Conv2dShape part = part_of(s);
  const Tensor part_x = empty_part(ctx, x, part.c), part_dy = empty_part(ctx, dy, part.k);
  bool finite = true;
  for (int64_t g = 0; g < s.options.groups; ++g) {
    kernels::slice_forward<T>(ctx, x, 3, g * part.c, part_x.view<T>());
    kernels::slice_forward<T>(ctx, dy, 3, g * part.k, part_dy.view<T>());
    finite &= one(part, part_x.view<T>(), part_dy.view<T>(), rows(dweight, g, part.k));
  }
  return finite;
}

}  // namespace weft::conv_groups
