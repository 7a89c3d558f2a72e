// Hopper's warpgroup products (wgmma, sm_90a): 128 threads multiply 64 x n, both factors in shared
// memory, the sum in registers; they run on their own until waited for. A tile's rows are 128 bytes,
// rotated in groups of eight (the 128-byte swizzle, as the TMA writes them, engine/cuda/tma.cuh).
//   K-major: a row is one m (or n), its bytes are k: 64 of bf16, 32 of f32, taken as TF32.
//   MN-major (bf16 alone): a row is one k, its bytes are 64 m (or n); the next 64 lie a block on.
// Lane l of warp w holds rows 16 w + l / 4 and 8 more, columns 8 j + 2 (l % 4) and the next, as
// c[4 j], c[4 j + 1] and c[4 j + 2], c[4 j + 3].
#pragma once

#include <cstdint>

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define WEFT_WGMMA 1  // a kernel's body without it is empty, and the card's own kernels are others
#endif

namespace weft::wgmma {

/// From one k step (16 of bf16, 8 of TF32) to the next inside a tile, and the bytes of 64 rows.
inline constexpr int k_major_step = 32, mn_major_step = 2048, block_bytes = 64 * 128;

/// A tile at `address`, a multiple of 1024 plus k steps.
__device__ inline uint64_t descriptor(uint32_t address, bool mn_major) {
  constexpr uint64_t eight_rows = 1024, swizzle_128 = 1;
  const uint64_t next_block = mn_major ? block_bytes : 16;
  return uint64_t{(address & 0x3FFFF) >> 4} | next_block >> 4 << 16 | eight_rows >> 4 << 32 |
         swizzle_128 << 62;
}

/// Registers written so far may be read by the products that follow.
__device__ inline void fence() { asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory"); }
__device__ inline void commit() { asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory"); }
/// Waits until at most `pending` committed groups of products are under way.
template <int pending>
__device__ inline void wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(pending) : "memory");
}

// clang-format off
#define WEFT_F4(i) "+f"(c[i]), "+f"(c[i + 1]), "+f"(c[i + 2]), "+f"(c[i + 3])
#define WEFT_F16(i) WEFT_F4(i), WEFT_F4(i + 4), WEFT_F4(i + 8), WEFT_F4(i + 12)
#define WEFT_F64(i) WEFT_F16(i), WEFT_F16(i + 16), WEFT_F16(i + 32), WEFT_F16(i + 48)
#define WEFT_SUM32                                                                             \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                     \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define WEFT_SUM64 WEFT_SUM32                                                                  \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "         \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define WEFT_SUM128 WEFT_SUM64                                                                 \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "         \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "           \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, "     \
  "%111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, "       \
  "%125, %126, %127"
// n, the sum's registers, the numbers of the operands that follow them, the registers
#define WEFT_PRODUCT(n, sum, a_, b_, keep_, ta_, tb_, ...)                                     \
  if constexpr (sizeof(T) == 4)                                                                \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " keep_ ", 0;\n"                            \
                 "wgmma.mma_async.sync.aligned.m64n" n "k8.f32.tf32.tf32 {" sum "}, "          \
                 a_ ", " b_ ", p, 1, 1;\n}\n"                                                  \
                 : __VA_ARGS__ : "l"(a), "l"(b), "r"(keep));                                   \
  else                                                                                         \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " keep_ ", 0;\n"                            \
                 "wgmma.mma_async.sync.aligned.m64n" n "k16.f32.bf16.bf16 {" sum "}, "         \
                 a_ ", " b_ ", p, 1, 1, " ta_ ", " tb_ ";\n}\n"                                \
                 : __VA_ARGS__ : "l"(a), "l"(b), "r"(keep), "n"(int{a_mn}), "n"(int{b_mn}))

/// c[64 x n] = a b + (keep ? c : 0); a_mn, b_mn: that factor is MN-major.
template <class T, bool a_mn, bool b_mn, int n>
__device__ inline void multiply(float (&c)[n / 2], uint64_t a, uint64_t b, int keep) {
  static_assert(sizeof(T) == 2 || (!a_mn && !b_mn), "TF32 factors are K-major");
  static_assert(n == 64 || n == 128 || n == 256, "64, 128 or 256 columns");
  if constexpr (n == 64) {
    WEFT_PRODUCT("64", WEFT_SUM32, "%32", "%33", "%34", "%35", "%36", WEFT_F16(0), WEFT_F16(16));
  } else if constexpr (n == 128) {
    WEFT_PRODUCT("128", WEFT_SUM64, "%64", "%65", "%66", "%67", "%68", WEFT_F64(0));
  } else {
    WEFT_PRODUCT("256", WEFT_SUM128, "%128", "%129", "%130", "%131", "%132",
                 WEFT_F64(0), WEFT_F64(64));
  }
}
// clang-format on
#undef WEFT_PRODUCT
#undef WEFT_SUM128
#undef WEFT_SUM64
#undef WEFT_SUM32
#undef WEFT_F64
#undef WEFT_F16
#undef WEFT_F4

}  // namespace weft::wgmma
