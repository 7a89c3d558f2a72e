// Loops over elements that lie side by side: out[i] = f(in[i], ..) in float, whatever the storage.
// One thread owns one Vec<T> of neighbours where every pointer is aligned to 16 bytes (a tail of
// single elements follows), else one element; both give the same bits. read<n>() and write<n>()
// move n neighbours between memory and registers.
#pragma once

#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"

namespace weft {

/// n is 1, or a multiple of Vec<T>::size where p is aligned to 16 bytes.
template <int n, class T>
__device__ void read(const T* p, float (&to)[n]) {
  constexpr int size = Vec<T>::size;
  if constexpr (n % size == 0) {
#pragma unroll
    for (int first = 0; first < n; first += size) {
      const auto v = *reinterpret_cast<const Packed<T, size>*>(p + first);
#pragma unroll
      for (int i = 0; i < size; ++i) to[first + i] = v[i];
    }
  } else {
    static_assert(n == 1);
    to[0] = load(p);
  }
}

template <int n, class T>
__device__ void write(T* p, const float (&from)[n]) {
  constexpr int size = Vec<T>::size;
  if constexpr (n % size == 0) {
#pragma unroll
    for (int first = 0; first < n; first += size) {
      float part[size];
#pragma unroll
      for (int i = 0; i < size; ++i) part[i] = from[first + i];
      reinterpret_cast<Packed<T, size>*>(p + first)->set(part);
    }
  } else {
    static_assert(n == 1);
    store(p, from[0]);
  }
}

namespace cuda_detail {

template <class T, int n>
struct Neighbours {
  float at[n];
  __device__ explicit Neighbours(const T* p) { read(p, at); }
};

template <int n, class T, class F, class... In>
__device__ void map_neighbours(F f, T* out, const In*... in) {
  const auto apply = [&](const auto&... x) {
    float y[n];
#pragma unroll
    for (int i = 0; i < n; ++i) y[i] = f(x.at[i]...);
    write(out, y);
  };
  apply(Neighbours<In, n>(in)...);
}

/// `vectors` whole ones, then the rest one by one.
template <class T, class F, class... In>
__global__ void map_kernel(int64_t n, int64_t vectors, F f, T* out, const In*... in) {
  constexpr int size = Vec<T>::size;
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t single = vectors * size + (item - vectors);
  if (item < vectors)
    map_neighbours<size>(f, out + item * size, in + item * size...);
  else if (single < n)
    map_neighbours<1>(f, out + single, in + single...);
}

}  // namespace cuda_detail

/// out[i] = f(in[i]...) for i in 0 .. n-1, f(float...) -> float; inputs may be the same memory.
template <class T, class F, class... In>
void map(CudaContext& ctx, const char* name, int64_t n, F f, T* out, const In*... in) {
  if (n <= 0) return;
  const bool aligned = (is_aligned(out) && ... && is_aligned(in));
  const int64_t vectors = aligned ? n / Vec<T>::size : 0;
  const int64_t items = vectors + (n - vectors * Vec<T>::size);
  launch(ctx, name, cuda_detail::map_kernel<T, F, In...>,
         dim3(static_cast<unsigned>(blocks_for(items, block_threads))), dim3(block_threads), 0, n,
         vectors, f, out, in...);
}

}  // namespace weft
