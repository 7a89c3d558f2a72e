// The tensor cores' building blocks from Ampere on: asynchronous copies into shared memory, 8x8
// loads of fragments, and one warp's product of 16 rows by 8 columns. A k step is 32 bytes a row
// whatever the type, 8 elements of f32 (rounded to TF32) or 16 of bf16, so kernels that move bytes
// are the same for both. Lane l holds, of a 16x8 result, rows l / 4 and l / 4 + 8, columns
// 2 (l % 4) and the next.
#pragma once

#include <cstdint>

#include "engine/dtype.h"

namespace weft::mma {

inline constexpr int step_bytes = 32;

__device__ inline uint32_t shared_address(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

/// 16 bytes to shared memory past the first cache; zeros, without reading, where not `valid`.
__device__ inline void copy_async(uint32_t to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to), "l"(from),
               "r"(valid ? 16 : 0));
}
__device__ inline void commit() { asm volatile("cp.async.commit_group;\n" ::); }
/// Waits until at most `pending` of this thread's committed groups are under way.
template <int pending>
__device__ inline void wait() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(pending));
}

/// Four 8x8 matrices of 16-bit pairs: lane l names row l % 8 of matrix l / 8.
__device__ inline void load_matrices(uint32_t (&r)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}

/// To the nearest TF32, ties away from zero; NaN and infinity stay what they are.
__device__ inline uint32_t to_tf32(uint32_t bits) {
  uint32_t out;
  asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(out) : "f"(__uint_as_float(bits)));
  return out;
}

template <class T>
__device__ inline void round_fragment(uint32_t (&r)[4]) {
  if constexpr (sizeof(T) == 4)
    for (uint32_t& bits : r) bits = to_tf32(bits);
}

/// c[16x8] += a[16 x step] b[step x 8]
template <class T>
__device__ inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (sizeof(T) == 4)
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};\n"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};\n"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// A block's loop over `filled` stages of k: copies of later stages are under way, and the
/// fragments of one step are loaded, while the tensor cores work on the step before. `copy` fills a
/// stage with the next part of k, `load(stage, step, to)` takes fragments into registers of two
/// sides in turn (to = 0, 1), `multiply(from)` adds their product.
template <int stages, int steps_a_stage, class Copy, class Load, class Multiply>
__device__ __forceinline__ void pipeline(int filled, const Copy& copy, const Load& load,
                                         const Multiply& multiply) {
  static_assert(steps_a_stage % 2 == 0, "a stage begins on side 0");
#pragma unroll
  for (int s = 0; s < stages - 1; ++s) {
    if (s < filled) copy(s);
    commit();
  }
  wait<stages - 2>();
  __syncthreads();
  load(0, 0, 0);
  for (int s = 0; s < filled; ++s)
#pragma unroll
    for (int step = 0; step < steps_a_stage; ++step) {
      if (step + 1 < steps_a_stage) {
        load(s % stages, step + 1, (step + 1) % 2);
      } else {
        wait<stages - 2>();  // the next stage has come for all; none still reads this one
        __syncthreads();
        load((s + 1) % stages, 0, 0);
      }
      if (step == 0) {  // refills the stage that all left at the last barrier
        if (s + stages - 1 < filled) copy((s + stages - 1) % stages);
        commit();
      }
      multiply(step % 2);
    }
}

}  // namespace weft::mma
