// The element types a tensor may hold. f32 trains, f64 checks gradients in double, bf16 is the
// GPU's compute type, i32 holds class ids and u8 masks. dtype_of<T>() maps a C++ type to its tag.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/error.h"

namespace weft {

enum class DType : uint8_t { f32, f64, bf16, i32, u8 };

/// The upper half of an f32; arithmetic on it lives in the CUDA kernels only.
struct bf16_t {
  uint16_t bits;
};

constexpr size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return 8;
    case DType::bf16:
      return 2;
    case DType::u8:
      return 1;
    default:
      return 4;
  }
}

constexpr const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::bf16:
      return "bf16";
    case DType::i32:
      return "i32";
    default:
      return "u8";
  }
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<bf16_t> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::u8;
};

/// What statistics, losses and the policy are kept in beside elements of type T: bf16 is too
/// coarse.
template <class T>
struct StatOf {
  using type = T;
};
template <>
struct StatOf<bf16_t> {
  using type = float;
};
template <class T>
using stat_t = typename StatOf<T>::type;
constexpr DType stat_dtype(DType dtype) { return dtype == DType::bf16 ? DType::f32 : dtype; }

template <class T>
constexpr DType dtype_of() {
  return DTypeOf<T>::value;
}

/// Calls f(T{}) with the element type; bf16 has none on the host.
template <class F>
void with_host_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::i32:
      return f(int32_t{});
    case DType::u8:
      return f(uint8_t{});
    case DType::bf16:
      break;
  }
  throw Error("bf16 elements are computed with on the GPU only");
}

}  // namespace weft
