// Tiles that are cut between shares (stream-K). Shares are neighbours on the line of all stages; a
// tile that reaches from share i into i + 1, i + 2, .. is finished by i, which began it. The others
// write their sums to memory, `parts`, and raise a flag; i waits for the flags and adds the parts in
// order of shares. A part is the first thing its block does, and the sum the last, so nobody waits
// long. Shares depend on sizes alone, so the order of every sum does.
// A flag is raised by writing this launch's own tag, a number of 64 bits that memory does not hold
// by chance, and struck by whoever has read it: nobody has to clear it beforehand.
#pragma once

#include "ops/conv2d_hopper_gather_cuda.cuh"

namespace weft::hopper_conv {

/// Parts of one warpgroup (`half` of the tile's rows), each thread its own values, four at a time.
template <class B>
struct Exchange {
  static constexpr int values = B::m_blocks * B::n / 2;
  static constexpr int64_t share_values = int64_t{2} * values * 128;  ///< of both halves

  const GatherArgs<typename B::T>& a;
  int half, thread = threadIdx.x % 128;

  __device__ float* part(int share) const {
    return a.parts + (int64_t{share} * 2 + half) * values * 128 + thread * 4;
  }
  __device__ uint64_t* flag(int share) const { return a.flags + share * 2 + half; }

  __device__ __forceinline__ void give(int share, const typename B::Sum& sum) const {
    float* const to = part(share);
#pragma unroll
    for (int b = 0; b < B::m_blocks; ++b)
#pragma unroll
      for (int j = 0; j < B::n / 2; j += 4)
        __stcg(reinterpret_cast<float4*>(to + (b * B::n / 2 + j) * 128),
               make_float4(sum[b][j], sum[b][j + 1], sum[b][j + 2], sum[b][j + 3]));
    __threadfence();
    tma::sync_threads<128>(1 + half);
    if (thread == 0)
      asm volatile("st.release.gpu.global.u64 [%0], %1;\n" ::"l"(flag(share)), "l"(a.tag)
                   : "memory");
  }

  __device__ __forceinline__ void add(int share, typename B::Sum& sum) const {
    if (thread == 0) {
      uint64_t seen = 0;
      while (seen != a.tag)
        asm volatile("ld.acquire.gpu.global.u64 %0, [%1];\n"
                     : "=l"(seen)
                     : "l"(flag(share))
                     : "memory");
      *flag(share) = 0;
    }
    tma::sync_threads<128>(1 + half);
    const float* const from = part(share);
#pragma unroll
    for (int b = 0; b < B::m_blocks; ++b)
#pragma unroll
      for (int j = 0; j < B::n / 2; j += 4) {
        const float4 v = __ldcg(reinterpret_cast<const float4*>(from + (b * B::n / 2 + j) * 128));
        sum[b][j] += v.x, sum[b][j + 1] += v.y, sum[b][j + 2] += v.z, sum[b][j + 3] += v.w;
      }
  }
};

}  // namespace weft::hopper_conv
