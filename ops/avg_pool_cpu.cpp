// avg_pool on the CPU: rows of the image are the chunks, loops run over neighbouring channels.
#include "ops/avg_pool.h"

namespace weft::kernels {
namespace {

template <class T>
void add_scaled(const T* __restrict x, T by, int64_t n, T* __restrict sum) {
  for (int64_t c = 0; c < n; ++c) sum[c] += by * x[c];
}

/// 1 / the number of places that the window counts.
template <class T>
T share(const PoolWindow& rows, const PoolWindow& columns, const Shape& x, const PoolOptions& o) {
  return static_cast<T>(1.0 / static_cast<double>(rows.padded(x[1], o) * columns.padded(x[2], o)));
}

}  // namespace

template <class T>
void avg_pool_forward(CpuContext& ctx, View<const T> x, const PoolOptions& o, View<T> y) {
  const int64_t height = x.shape[1], width = x.shape[2], channels = x.shape[3];
  for_image_rows(ctx, y.shape, [&](int64_t image, int64_t i) {
    const PoolWindow rows(i, height, o);
    for (int64_t j = 0; j < y.shape[2]; ++j) {
      const PoolWindow columns(j, width, o);
      const T by = share<T>(rows, columns, x.shape, o);
      T* out = y.data + ((image * y.shape[1] + i) * y.shape[2] + j) * channels;
      std::fill_n(out, channels, T(0));
      for (int64_t r = rows.from; r < rows.to; ++r)
        for (int64_t t = columns.from; t < columns.to; ++t)
          add_scaled(
              x.data + ((image * height + rows.start + r) * width + columns.start + t) * channels,
              by, channels, out);
    }
  });
}

template <class T>
void avg_pool_backward(CpuContext& ctx, View<const T> dy, const PoolOptions& o, View<T> dx) {
  const int64_t channels = dx.shape[3];
  for_image_rows(ctx, dx.shape, [&](int64_t image, int64_t h) {
    const PoolCover rows(h, dy.shape[1], o);
    for (int64_t w = 0; w < dx.shape[2]; ++w) {
      const PoolCover columns(w, dy.shape[2], o);
      T* out = dx.data + ((image * dx.shape[1] + h) * dx.shape[2] + w) * channels;
      std::fill_n(out, channels, T(0));
      for (int64_t i = rows.from; i < rows.to; ++i)
        for (int64_t j = columns.from; j < columns.to; ++j) {
          const T by =
              share<T>(PoolWindow(i, dx.shape[1], o), PoolWindow(j, dx.shape[2], o), dx.shape, o);
          add_scaled(dy.data + ((image * dy.shape[1] + i) * dy.shape[2] + j) * channels, by,
                     channels, out);
        }
    }
  });
}

#define WEFT_INSTANTIATE(T)                                                                \
  template void avg_pool_forward(CpuContext&, View<const T>, const PoolOptions&, View<T>); \
  template void avg_pool_backward(CpuContext&, View<const T>, const PoolOptions&, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
