// Hopper's warpgroup products (wgmma, sm_90a): 128 threads multiply 64 rows, whose fragments they
// hold in registers as for mma.sync, by n columns that lie in shared memory, rows of 128 bytes of k
// rotated in groups of eight (the 128-byte swizzle). They run on their own until waited for.
#pragma once

#include <cstdint>

#include "engine/dtype.h"

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define WEFT_WGMMA 1
#endif

namespace weft::wgmma {

/// Rows of 128 bytes from `address` (a multiple of 1024, plus 32 for each k step).
__device__ inline uint64_t descriptor(uint32_t address) {
  constexpr uint64_t group_bytes = 1024, swizzle_128 = 1;
  return uint64_t{(address & 0x3FFFF) >> 4} | uint64_t{1} << 16 | (group_bytes >> 4) << 32 |
         swizzle_128 << 62;
}

#ifdef WEFT_WGMMA

/// What ordinary instructions wrote to shared memory becomes visible to wgmma.
__device__ inline void publish_shared() {
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
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

/// c[64 x 64] += a b
__device__ inline void multiply(float, float (&c)[32], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
    "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 {"
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
    "{%32, %33, %34, %35}, %36, p, 1, 1;\n}\n"
    : WEFT_F16(0), WEFT_F16(16)
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

/// c[64 x 64] += a b in bf16
__device__ inline void multiply(bf16_t, float (&c)[32], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
    "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
    "{%32, %33, %34, %35}, %36, p, 1, 1, 0;\n}\n"
    : WEFT_F16(0), WEFT_F16(16)
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

/// c[64 x 128] += a b
__device__ inline void multiply(float, float (&c)[64], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
    "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 {"
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
    "{%64, %65, %66, %67}, %68, p, 1, 1;\n}\n"
    : WEFT_F64(0)
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

/// c[64 x 128] += a b in bf16
__device__ inline void multiply(bf16_t, float (&c)[64], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
    "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
    "{%64, %65, %66, %67}, %68, p, 1, 1, 0;\n}\n"
    : WEFT_F64(0)
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

/// c[64 x 256] += a b
__device__ inline void multiply(float, float (&c)[128], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
    "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n256k8.f32.tf32.tf32 {"
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
    "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, "
    "{%128, %129, %130, %131}, %132, p, 1, 1;\n}\n"
    : WEFT_F64(0), WEFT_F64(64)
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

/// c[64 x 256] += a b in bf16
__device__ inline void multiply(bf16_t, float (&c)[128], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
    "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {"
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
    "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, "
    "{%128, %129, %130, %131}, %132, p, 1, 1, 0;\n}\n"
    : WEFT_F64(0), WEFT_F64(64)
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
// clang-format on
#undef WEFT_F4
#undef WEFT_F16
#undef WEFT_F64

#endif

}  // namespace weft::wgmma
