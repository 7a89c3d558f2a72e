// Strips (ops/strips.h) on the GPU: copies between a part and its whole move units of up to 16
// bytes, the largest that divides the strips and both addresses. A thread owns one unit and finds
// its row by one division, of 32 bits where the count allows. Bytes are bytes: no type matters.
#pragma once

#include "engine/cuda/launch.cuh"
#include "ops/strips.h"

namespace weft {

/// The strips counted in units, with what they run between.
template <class Unit>
struct UnitStrips {
  int64_t rows, width, pitch, offset;
  const Unit* from;
  Unit* to;
};

/// Calls f(UnitStrips<Unit>) with the largest unit that fits everywhere.
template <class T, class F>
void with_unit(const Strips& s, const T* from, T* to, F&& f) {
  const auto fits = [&](size_t bytes) {
    const auto divides = [&](int64_t elements) {
      return static_cast<size_t>(elements) * sizeof(T) % bytes == 0;
    };
    return divides(s.width) && divides(s.pitch) && divides(s.offset) &&
           reinterpret_cast<uintptr_t>(from) % bytes == 0 &&
           reinterpret_cast<uintptr_t>(to) % bytes == 0;
  };
  const auto call = [&](auto unit) {
    using Unit = decltype(unit);
    const auto units = [](int64_t elements) {
      return elements * static_cast<int64_t>(sizeof(T)) / static_cast<int64_t>(sizeof(Unit));
    };
    f(UnitStrips<Unit>{s.rows, units(s.width), units(s.pitch), units(s.offset),
                       reinterpret_cast<const Unit*>(from), reinterpret_cast<Unit*>(to)});
  };
  if (fits(16)) return call(uint4{});
  if (fits(8)) return call(uint2{});
  if (fits(4)) return call(uint32_t{});
  call(uint16_t{});
}

namespace cuda_detail {

/// into_whole: `from` is the part; else `to` is.
template <class Index, bool into_whole, class Unit>
__global__ void copy_strips_kernel(UnitStrips<Unit> s) {
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (item >= s.rows * s.width) return;
  const auto row = static_cast<int64_t>(static_cast<Index>(item) / static_cast<Index>(s.width));
  const int64_t whole = row * s.pitch + s.offset + (item - row * s.width);
  if constexpr (into_whole)
    s.to[whole] = s.from[item];
  else
    s.to[item] = s.from[whole];
}

}  // namespace cuda_detail

template <bool into_whole, class T>
void copy_strips(CudaContext& ctx, const char* name, const Strips& strips, const T* from, T* to) {
  with_unit(strips, from, to, [&](const auto& s) {
    const int64_t items = s.rows * s.width;
    if (items == 0) return;
    const auto start = [&](auto kernel) {
      launch(ctx, name, kernel, dim3(static_cast<unsigned>(blocks_for(items, block_threads))),
             dim3(block_threads), 0, s);
    };
    using Unit = std::remove_pointer_t<decltype(s.to)>;
    if (items < int64_t{1} << 32)
      start(cuda_detail::copy_strips_kernel<uint32_t, into_whole, Unit>);
    else
      start(cuda_detail::copy_strips_kernel<int64_t, into_whole, Unit>);
  });
}

}  // namespace weft
