// Convolution weights (and images) between PyTorch's order of axes and weft's.
#include "engine/error.h"

#include <cstdint>
#include "io/safetensors.h"

namespace weft {
namespace {

template <class T>
void swap_inner(const T* source, T* target, int64_t outer, int64_t a, int64_t b) {
  for (int64_t k = 0; k < outer; ++k, source += a * b, target += a * b)
    for (int64_t i = 0; i < a; ++i)
      for (int64_t j = 0; j < b; ++j) target[j * a + i] = source[i * b + j];
}

/// [K, A, B] -> [K, B, A], where A or B stands for two axes of a kernel.
Tensor swap_inner(const Tensor& from, const Shape& shape, int64_t a, int64_t b) {
  Tensor to = Tensor::empty(shape, from.dtype());
  if (from.numel() == 0) return to;
  const int64_t outer = from.numel() / (a * b);
  with_host_type(from.dtype(), [&](auto zero) {
    using T = decltype(zero);
    swap_inner(from.data<T>(), to.data<T>(), outer, a, b);
  });
  return to;
}

void require_rank_4(const Tensor& weight) {
  if (weight.shape().rank() != 4) {
    throw DataError(
        fmt::format("a convolution weight has 4 dimensions, this one is {}", weight.shape()));
  }
}

}  // namespace

Tensor oihw_to_krsc(const Tensor& weight) {
  require_rank_4(weight);
  const Shape& s = weight.shape();
  return swap_inner(weight, {s[0], s[2], s[3], s[1]}, s[1], s[2] * s[3]);
}

Tensor krsc_to_oihw(const Tensor& weight) {
  require_rank_4(weight);
  const Shape& s = weight.shape();
  return swap_inner(weight, {s[0], s[3], s[1], s[2]}, s[1] * s[2], s[3]);
}

}  // namespace weft
