// What FiniteStep reads on the CPU: the tensors that nobody looked at while they were written, one
// after the other, up to the first bad one. Few large ones are left (engine/cpu/finite.h).
#include <algorithm>
#include <atomic>

#include "engine/cpu/finite.h"
#include "train/step/finite.h"

namespace weft::kernels {

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
