// Loops over elements that lie side by side, as ops/pointwise_cuda.cuh has them: out[i] = f(first[i], ..).
// Contiguous and free of aliasing, so that the compiler vectorises them; packets and tail run the same
// IEEE operations, so their bits agree.
#pragma once

#include "engine/cpu/context.h"

namespace weft {

/// For i in 0 .. n-1. `out` may be first's bytes, whose loop is one of its own, as no other is known to
/// be free of aliasing; of what else is the same memory f may not read.
template <class T, class F, class... Rest>
void map(CpuContext& ctx, int64_t n, F f, T* out, const T* first, const Rest*... rest) {
  ctx.for_chunks(n, pointwise_chunk, [=](int64_t begin, int64_t end) {
    T* __restrict to = out;
    if (out == first)
      for (int64_t i = begin; i < end; ++i) to[i] = f(to[i], rest[i]...);
    else
      for (int64_t i = begin; i < end; ++i) to[i] = f(first[i], rest[i]...);
  });
}

}  // namespace weft
