// add_relu on the CPU: loops over bytes of bits, eight elements each, where rows are whole bytes.
#include <type_traits>

#include "ops/add_relu.h"

namespace weft::kernels {
namespace {

/// f(byte, its first element, how many it is of), the last a constant where all are of eight.
template <class F>
void for_bytes(CpuContext& ctx, const SignBits& bits, F f) {
  ctx.for_chunks(bits.bytes(), pointwise_chunk / 8, [&](int64_t begin, int64_t end) {
    if (bits.whole)
      for (int64_t b = begin; b < end; ++b) f(b, 8 * b, std::integral_constant<int64_t, 8>{});
    else
      for (int64_t b = begin; b < end; ++b) f(b, bits.first(b), bits.count(b));
  });
}

}  // namespace

template <class T>
void add_relu_forward(CpuContext& ctx, View<const T> x, View<const T> r, View<T> y,
                      View<uint8_t> positive) {
  for_bytes(ctx, SignBits(y.shape), [&](int64_t b, int64_t first, auto count) {
    const T *in = x.data + first, *other = r.data + first;  // may be the same bytes
    T* __restrict out = y.data + first;
    for (int64_t i = 0; i < count; ++i) {
      const T sum = in[i] + other[i];
      out[i] = sum < T(0) ? T(0) : sum;  // a NaN stays a NaN
    }
    if (positive.data == nullptr) return;
    int byte = 0;
    for (int i = 0; i < count; ++i) byte |= out[i] > T(0) ? 1 << i : 0;
    positive[b] = static_cast<uint8_t>(byte);
  });
}

template <class T>
void add_relu_backward(CpuContext& ctx, View<const uint8_t> positive, View<const T> dy,
                       View<T> dx) {
  for_bytes(ctx, SignBits(dx.shape), [&](int64_t b, int64_t first, auto count) {
    const int byte = positive[b];
    T kept[8];  // dx may be dy's bytes
    for (int i = 0; i < count; ++i) kept[i] = (byte >> i & 1) != 0 ? dy[first + i] : T(0);
    for (int i = 0; i < count; ++i) dx[first + i] = kept[i];
  });
}

#define WEFT_INSTANTIATE(T)                                                          \
  template void add_relu_forward(CpuContext&, View<const T>, View<const T>, View<T>, \
                                 View<uint8_t>);                                     \
  template void add_relu_backward(CpuContext&, View<const uint8_t>, View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)

}  // namespace weft::kernels
