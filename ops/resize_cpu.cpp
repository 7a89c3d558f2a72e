// resize on the CPU, one axis after the other: a row's blend of whole input rows is one contiguous
// loop for any number of channels; then pixels are blended along it. Backward is the transpose: an
// input row sums its output rows in order, then each pixel its columns in order.
#include <algorithm>
#include <vector>

#include "ops/resize.h"

namespace weft::kernels {
namespace {

std::vector<Tap> taps_of(Interpolation mode, int64_t in, int64_t out) {
  std::vector<Tap> taps;
  for (int64_t o = 0; o < out; ++o) taps.push_back(resize_tap(mode, o, in, out));
  return taps;
}

/// Along one axis: the outputs that read each input, in order, and with which weight.
struct Readers {
  struct Reader {
    int64_t output;
    double weight;
  };
  std::vector<std::vector<Reader>> of;

  Readers(Interpolation mode, int64_t in, int64_t out) : of(static_cast<size_t>(in)) {
    for (int64_t o = 0; o < out; ++o) {
      const Tap tap = resize_tap(mode, o, in, out);
      if (tap.weight < 1) of[tap.low].push_back({o, 1 - tap.weight});
      if (tap.weight > 0) of[tap.high].push_back({o, tap.weight});
    }
  }
};

template <class T>
void blend(const T* low, const T* high, T weight, int64_t n, T* __restrict out) {
  const T rest = T(1) - weight;
  for (int64_t i = 0; i < n; ++i) out[i] = rest * low[i] + weight * high[i];
}

template <class T>
void add_scaled(const T* __restrict x, T weight, int64_t n, T* __restrict sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += weight * x[i];
}

int64_t rows_per_chunk(int64_t row) {
  return std::max<int64_t>(1, pointwise_chunk / std::max<int64_t>(1, row));
}

}  // namespace

template <class T>
void resize_forward(CpuContext& ctx, Interpolation mode, View<const T> x, View<T> y) {
  const int64_t height = x.shape[1], out_height = y.shape[1], out_width = y.shape[2];
  const int64_t channels = x.shape[3], row = x.shape[2] * channels, out_row = out_width * channels;
  const std::vector<Tap> vertical = taps_of(mode, height, out_height);
  const std::vector<Tap> horizontal = taps_of(mode, x.shape[2], out_width);
  ctx.for_chunks(
      y.shape[0] * out_height, rows_per_chunk(row + out_row), [&](int64_t begin, int64_t end) {
        std::vector<T> blended(static_cast<size_t>(row));
        for (int64_t at = begin; at < end; ++at) {
          const Tap& v = vertical[at % out_height];
          const T* image = x.data + at / out_height * height * row;
          const T* from = image + v.low * row;
          if (v.weight > 0) {
            blend(from, image + v.high * row, static_cast<T>(v.weight), row, blended.data());
            from = blended.data();
          }
          T* to = y.data + at * out_row;
          for (const Tap& h : horizontal) {
            if (h.weight > 0)
              blend(from + h.low * channels, from + h.high * channels, static_cast<T>(h.weight),
                    channels, to);
            else
              std::copy_n(from + h.low * channels, channels, to);
            to += channels;
          }
        }
      });
}

template <class T>
void resize_backward(CpuContext& ctx, Interpolation mode, View<const T> dy, View<T> dx) {
  const int64_t height = dx.shape[1], out_height = dy.shape[1], channels = dx.shape[3];
  const int64_t row = dx.shape[2] * channels, out_row = dy.shape[2] * channels;
  const Readers vertical(mode, height, out_height);
  const Readers horizontal(mode, dx.shape[2], dy.shape[2]);
  ctx.for_chunks(
      dx.shape[0] * height, rows_per_chunk(row + out_row), [&](int64_t begin, int64_t end) {
        std::vector<T> sum(static_cast<size_t>(out_row));
        for (int64_t at = begin; at < end; ++at) {
          const T* image = dy.data + at / height * out_height * out_row;
          std::fill(sum.begin(), sum.end(), T(0));
          for (const auto& [output, weight] : vertical.of[at % height])
            add_scaled(image + output * out_row, static_cast<T>(weight), out_row, sum.data());
          T* to = dx.data + at * row;
          std::fill(to, to + row, T(0));
          for (const auto& readers : horizontal.of) {
            for (const auto& [output, weight] : readers)
              add_scaled(sum.data() + output * channels, static_cast<T>(weight), channels, to);
            to += channels;
          }
        }
      });
}

template void resize_forward(CpuContext&, Interpolation, View<const float>, View<float>);
template void resize_forward(CpuContext&, Interpolation, View<const double>, View<double>);
template void resize_backward(CpuContext&, Interpolation, View<const float>, View<float>);
template void resize_backward(CpuContext&, Interpolation, View<const double>, View<double>);

}  // namespace weft::kernels
