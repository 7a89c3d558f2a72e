// max_pool on the CPU: loops run over up to 64 neighbouring channels, whose best values and choices
// stay in registers and L1 while the window goes by. Rows of the image are the chunks.
#include <algorithm>
#include <type_traits>

#include "ops/max_pool.h"

namespace weft::kernels {
namespace {

constexpr int64_t piece = 64;  // channels at a time

/// An integer as wide as T: comparisons of T and choices then fill the same lanes.
template <class T>
using IntLike = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;

}  // namespace

template <class T>
void max_pool_forward(CpuContext& ctx, View<const T> x, const PoolOptions& o, View<T> y,
                      View<uint8_t> choice) {
  using Int = IntLike<T>;
  const int64_t height = x.shape[1], width = x.shape[2], channels = x.shape[3];
  for_image_rows(ctx, y.shape, [&](int64_t image, int64_t i) {
    const PoolWindow rows(i, height, o);
    for (int64_t j = 0; j < y.shape[2]; ++j) {
      const PoolWindow columns(j, width, o);
      const int64_t out = ((image * y.shape[1] + i) * y.shape[2] + j) * channels;
      for (int64_t c = 0; c < channels; c += piece) {
        const int64_t count = std::min(piece, channels - c);
        T best[piece];
        Int chosen[piece];
        const auto at = [&](int64_t r, int64_t t) {
          return x.data +
                 ((image * height + rows.start + r) * width + columns.start + t) * channels + c;
        };
        std::copy_n(at(rows.from, columns.from), count, best);
        std::fill_n(chosen, count, static_cast<Int>(rows.from * o.kernel + columns.from));
        for (int64_t r = rows.from; r < rows.to; ++r)
          for (int64_t t = columns.from; t < columns.to; ++t) {
            const T* __restrict v = at(r, t);
            const Int here = static_cast<Int>(r * o.kernel + t);
            for (int64_t k = 0; k < count; ++k) {
              const bool wins = (v[k] > best[k]) | (v[k] != v[k]);
              best[k] = wins ? v[k] : best[k];
              chosen[k] = wins ? here : chosen[k];
            }
          }
        std::copy_n(best, count, y.data + out + c);
        for (int64_t k = 0; k < count; ++k) choice[out + c + k] = static_cast<uint8_t>(chosen[k]);
      }
    }
  });
}

template <class T>
void max_pool_backward(CpuContext& ctx, View<const T> dy, View<const uint8_t> choice,
                       const PoolOptions& o, View<T> dx) {
  const int64_t channels = dx.shape[3];
  for_image_rows(ctx, dx.shape, [&](int64_t image, int64_t h) {
    const PoolCover rows(h, dy.shape[1], o);
    for (int64_t w = 0; w < dx.shape[2]; ++w) {
      const PoolCover columns(w, dy.shape[2], o);
      T* __restrict out = dx.data + ((image * dx.shape[1] + h) * dx.shape[2] + w) * channels;
      std::fill_n(out, channels, T(0));
      for (int64_t i = rows.from; i < rows.to; ++i)
        for (int64_t j = columns.from; j < columns.to; ++j) {
          const int64_t at = ((image * dy.shape[1] + i) * dy.shape[2] + j) * channels;
          const int64_t r = h - (i * o.stride - o.padding), t = w - (j * o.stride - o.padding);
          const uint8_t here = static_cast<uint8_t>(r * o.kernel + t);
          const T* __restrict in = dy.data + at;
          const uint8_t* __restrict chosen = choice.data + at;
          for (int64_t c = 0; c < channels; ++c) out[c] += chosen[c] == here ? in[c] : T(0);
        }
    }
  });
}

#define WEFT_INSTANTIATE(T)                                                               \
  template void max_pool_forward(CpuContext&, View<const T>, const PoolOptions&, View<T>, \
                                 View<uint8_t>);                                          \
  template void max_pool_backward(CpuContext&, View<const T>, View<const uint8_t>,        \
                                  const PoolOptions&, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
