// Finite or not, n floats in a row: one is finite where its exponent's bits are not all 1. Compared
// as integers, so that the loop vectorises. Numbers that are still in the first caches cost next to
// nothing to read; the gradients of a whole network, read from memory, cost 4 % of a step. So those
// that write large gradients look while they write and mark what they wrote (Tensor::mark_finite).
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace weft {

template <class T>
bool all_finite_in(const T* x, int64_t n) {
  if constexpr (!std::is_floating_point_v<T>) return true;
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr Bits exponent = sizeof(T) == 4 ? Bits{0x7f800000U} : Bits(0x7ff0000000000000ULL);
  Bits bad = 0;
  for (int64_t i = 0; i < n; ++i) {
    Bits bits;
    std::memcpy(&bits, x + i, sizeof(T));
    bad |= (bits & exponent) == exponent ? Bits{1} : Bits{0};
  }
  return bad == 0;
}

}  // namespace weft
