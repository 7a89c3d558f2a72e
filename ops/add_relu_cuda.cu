// add_relu on the GPU: a thread has the eight elements of one byte of bits, in bf16 16 bytes of x, r
// and y each. Rows that are no whole bytes, and operands that are not aligned, go one by one.
#include "ops/add_relu.h"
#include "ops/pointwise_cuda.cuh"

namespace weft::kernels {
namespace {

template <bool eights, class T>
__global__ void forward_kernel(SignBits bits, const T* x, const T* r, T* y, uint8_t* positive) {
  const int64_t b = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (b >= bits.bytes()) return;
  const auto add = [](float a, float c) {
    const float sum = a + c;
    return sum < 0.0f ? 0.0f : sum;
  };
  unsigned byte = 0;
  if constexpr (eights) {
    float z[8], other[8];
    read(x + 8 * b, z);
    read(r + 8 * b, other);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      z[i] = add(z[i], other[i]);
      byte |= (z[i] > 0.0f ? 1u : 0u) << i;
    }
    write(y + 8 * b, z);
  } else {
    const int64_t first = bits.first(b), count = bits.count(b);
    for (int i = 0; i < count; ++i) {
      const float z = add(load(x + first + i), load(r + first + i));
      byte |= (z > 0.0f ? 1u : 0u) << i;
      store(y + first + i, z);
    }
  }
  if (positive != nullptr) positive[b] = static_cast<uint8_t>(byte);
}

template <bool eights, class T>
__global__ void backward_kernel(SignBits bits, const uint8_t* positive, const T* dy, T* dx) {
  const int64_t b = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (b >= bits.bytes()) return;
  const unsigned byte = positive[b];
  if constexpr (eights) {
    float d[8];
    read(dy + 8 * b, d);
#pragma unroll
    for (int i = 0; i < 8; ++i) d[i] = (byte >> i & 1) != 0 ? d[i] : 0.0f;
    write(dx + 8 * b, d);
  } else {
    const int64_t first = bits.first(b), count = bits.count(b);
    for (int i = 0; i < count; ++i)
      store(dx + first + i, (byte >> i & 1) != 0 ? load(dy + first + i) : 0.0f);
  }
}

template <class... P>
bool goes_by_eights(const SignBits& bits, const P*... operands) {
  return bits.whole && (... && is_aligned(operands));
}

dim3 blocks_of(const SignBits& bits) {
  return dim3(static_cast<unsigned>(blocks_for(bits.bytes(), block_threads)));
}

}  // namespace

template <class T>
void add_relu_forward(CudaContext& ctx, View<const T> x, View<const T> r, View<T> y,
                      View<uint8_t> positive) {
  const SignBits bits(y.shape);
  if (bits.bytes() == 0) return;
  const bool eights = goes_by_eights(bits, x.data, r.data, y.data);
  launch(ctx, "add_relu", eights ? forward_kernel<true, T> : forward_kernel<false, T>,
         blocks_of(bits), dim3(block_threads), 0, bits, x.data, r.data, y.data, positive.data);
}

template <class T>
void add_relu_backward(CudaContext& ctx, View<const uint8_t> positive, View<const T> dy,
                       View<T> dx) {
  const SignBits bits(dx.shape);
  if (bits.bytes() == 0) return;
  const bool eights = goes_by_eights(bits, dy.data, dx.data);
  launch(ctx, "add_relu_backward", eights ? backward_kernel<true, T> : backward_kernel<false, T>,
         blocks_of(bits), dim3(block_threads), 0, bits, positive.data, dy.data, dx.data);
}

#define WEFT_INSTANTIATE(T)                                                           \
  template void add_relu_forward(CudaContext&, View<const T>, View<const T>, View<T>, \
                                 View<uint8_t>);                                      \
  template void add_relu_backward(CudaContext&, View<const uint8_t>, View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)

}  // namespace weft::kernels
