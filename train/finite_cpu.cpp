// Finite or not on the CPU: a float is finite where its exponent's bits are not all 1. Compared as
// integers, so that the loop vectorises and runs as fast as memory delivers.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "engine/reduce_tree.h"
#include "train/finite.h"

namespace weft::kernels {
namespace {

template <class T>
bool all_finite_in(const T* x, int64_t n) {
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

}  // namespace

template <class T>
void find_nonfinite(CpuContext& ctx, const std::vector<View<const T>>& views, int32_t* verdict) {
  for (size_t i = 0; i < views.size(); ++i) {
    if (static_cast<int32_t>(i) >= *verdict) return;
    std::atomic<bool> bad{false};  // set alike by whichever chunk finds one
    ctx.for_chunks(views[i].numel(), pointwise_chunk, [&](int64_t begin, int64_t end) {
      if (!all_finite_in(views[i].data + begin, end - begin))
        bad.store(true, std::memory_order_relaxed);
    });
    if (bad.load()) *verdict = static_cast<int32_t>(i);
  }
}

template <class T>
void copy_all(CpuContext&, const std::vector<Copy<T>>& copies, const int32_t* verdict) {
  if (verdict != nullptr && *verdict == all_finite) return;
  for (const Copy<T>& copy : copies) std::copy_n(copy.from, copy.n, copy.to);
}

#define WEFT_INSTANTIATE(T)                                                               \
  template void find_nonfinite(CpuContext&, const std::vector<View<const T>>&, int32_t*); \
  template void copy_all(CpuContext&, const std::vector<Copy<T>>&, const int32_t*);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
