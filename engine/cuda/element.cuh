// Elements in device memory and in registers: kernels compute in float (losses in double) and keep
// tensors as float or bf16. load() widens, store() rounds to nearest even. Vec<T> is 16 bytes of
// neighbours: four floats or eight bf16, one memory transaction.
#pragma once

#include <cuda_bf16.h>

#include "engine/dtype.h"

namespace weft {

__device__ inline float load(const float* p) { return *p; }
__device__ inline float load(const bf16_t* p) {
  return __uint_as_float(static_cast<unsigned>(p->bits) << 16);
}
__device__ inline void store(float* p, float value) { *p = value; }
__device__ inline void store(bf16_t* p, float value) {
  p->bits = __bfloat16_as_ushort(__float2bfloat16_rn(value));
}

/// Two neighbours at once; p is aligned to both.
__device__ inline void store_pair(float* p, float a, float b) {
  *reinterpret_cast<float2*>(p) = make_float2(a, b);
}
__device__ inline void store_pair(bf16_t* p, float a, float b) {
  *reinterpret_cast<__nv_bfloat162*>(p) = __floats2bfloat162_rn(a, b);
}

template <class T>
struct alignas(16) Vec {
  static constexpr int size = 16 / sizeof(T);
  T at[size];
};

/// n neighbours as they lie in memory, in as few registers: element by element the compiler would give
/// each bf16 one of its own.
template <class T, int n>
struct alignas(n * sizeof(T)) Packed {
  T at[n];
  __device__ float operator[](int i) const { return load(at + i); }
  __device__ void set(const float (&from)[n]) {
#pragma unroll
    for (int i = 0; i < n; ++i) store(at + i, from[i]);
  }
};
template <int n>
requires(n % 2 == 0) struct alignas(2 * n) Packed<bf16_t, n> {
  unsigned words[n / 2];
  __device__ float operator[](int i) const {
    return __uint_as_float(i % 2 == 0 ? words[i / 2] << 16 : words[i / 2] & 0xFFFF0000U);
  }
  __device__ void set(const float (&from)[n]) {
#pragma unroll
    for (int i = 0; i < n; i += 2) {
      const __nv_bfloat162 pair = __floats2bfloat162_rn(from[i], from[i + 1]);
      words[i / 2] = *reinterpret_cast<const unsigned*>(&pair);
    }
  }
};

/// True where a pointer may be read as Vec<T>.
inline bool is_aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

/// The same, and n elements make whole ones.
template <class T>
bool fits_vec(const T* p, int64_t n) {
  return is_aligned(p) && n % Vec<T>::size == 0;
}

}  // namespace weft
