// What each pointwise op computes, shared verbatim by both backends (T is float or double; a GPU
// kernel widens bf16 first). To add one: a functor here, its name and its function's in the list
// at the end, the function's declaration in pointwise.h, and a row in tests/ops/pointwise_test.cpp.
//   value(x)            the output y
//   gradient(dy, kept)  dL/dx, where `kept` is x or y, whichever `keep` names (never read: nothing)
#pragma once

#include <cmath>

#include "engine/philox.h"

namespace weft::pointwise {

/// What an op retains for its backward.
enum class Keep { nothing, input, output };

struct Relu {
  static constexpr const char* name = "relu";
  static constexpr Keep keep = Keep::output;
  // In this order a NaN stays a NaN, and the whole is one maximum instruction.
  template <class T>
  WEFT_HD T value(T x) const {
    return x < T(0) ? T(0) : x;
  }
  template <class T>
  WEFT_HD T gradient(T dy, T y) const {
    return y > T(0) ? dy : T(0);
  }
};

struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr Keep keep = Keep::output;
  template <class T>
  WEFT_HD T value(T x) const {
    return T(1) / (T(1) + std::exp(-x));
  }
  template <class T>
  WEFT_HD T gradient(T dy, T y) const {
    return dy * y * (T(1) - y);
  }
};

struct Tanh {
  static constexpr const char* name = "tanh";
  static constexpr Keep keep = Keep::output;
  template <class T>
  WEFT_HD T value(T x) const {
    return std::tanh(x);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T y) const {
    return dy * (T(1) - y * y);
  }
};

struct Asinh {
  static constexpr const char* name = "asinh";
  static constexpr Keep keep = Keep::input;
  template <class T>
  WEFT_HD T value(T x) const {
    return std::asinh(x);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    return dy / std::sqrt(x * x + T(1));
  }
};

struct Softplus {
  static constexpr const char* name = "softplus";
  static constexpr Keep keep = Keep::input;
  // log(1 + exp(x)) without overflow.
  template <class T>
  WEFT_HD T value(T x) const {
    return Relu{}.value(x) + std::log1p(std::exp(-std::abs(x)));
  }
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    return dy * Sigmoid{}.value(x);
  }
};

struct Gelu {
  static constexpr const char* name = "gelu";
  static constexpr Keep keep = Keep::input;
  template <class T>
  WEFT_HD static T phi(T x) {  // the normal distribution's
    return T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440)));
  }
  template <class T>
  WEFT_HD T value(T x) const {
    return x * phi(x);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    const T density = T(0.39894228040143267794) * std::exp(T(-0.5) * x * x);
    return dy * (phi(x) + x * density);
  }
};

struct Silu {
  static constexpr const char* name = "silu";
  static constexpr Keep keep = Keep::input;
  template <class T>
  WEFT_HD T value(T x) const {
    return x * Sigmoid{}.value(x);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    const T s = Sigmoid{}.value(x);
    return dy * s * (T(1) + x * (T(1) - s));
  }
};

struct Exp {
  static constexpr const char* name = "exp";
  static constexpr Keep keep = Keep::output;
  template <class T>
  WEFT_HD T value(T x) const {
    return std::exp(x);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T y) const {
    return dy * y;
  }
};

struct Log {
  static constexpr const char* name = "log";
  static constexpr Keep keep = Keep::input;
  template <class T>
  WEFT_HD T value(T x) const {
    return std::log(x);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    return dy / x;
  }
};

struct Abs {
  static constexpr const char* name = "abs";
  static constexpr Keep keep = Keep::input;
  template <class T>
  WEFT_HD T value(T x) const {
    return std::abs(x);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    return x > T(0) ? dy : x < T(0) ? -dy : T(0);
  }
};

struct Square {
  static constexpr const char* name = "square";
  static constexpr Keep keep = Keep::input;
  template <class T>
  WEFT_HD T value(T x) const {
    return x * x;
  }
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    return T(2) * x * dy;
  }
};

struct Sqrt {
  static constexpr const char* name = "sqrt";
  static constexpr Keep keep = Keep::output;
  template <class T>
  WEFT_HD T value(T x) const {
    return std::sqrt(x);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T y) const {
    return dy / (T(2) * y);
  }
};

struct Reciprocal {
  static constexpr const char* name = "reciprocal";
  static constexpr Keep keep = Keep::output;
  template <class T>
  WEFT_HD T value(T x) const {
    return T(1) / x;
  }
  template <class T>
  WEFT_HD T gradient(T dy, T y) const {
    return -dy * y * y;
  }
};

struct Neg {
  static constexpr const char* name = "neg";
  static constexpr Keep keep = Keep::nothing;
  template <class T>
  WEFT_HD T value(T x) const {
    return -x;
  }
  template <class T>
  WEFT_HD T gradient(T dy, T) const {
    return -dy;
  }
};

struct Pow {
  static constexpr const char* name = "pow";
  static constexpr Keep keep = Keep::input;
  double exponent;
  template <class T>
  WEFT_HD T value(T x) const {
    return std::pow(x, static_cast<T>(exponent));
  }
  // x^0 is constant, also at 0, where 0 * 0^-1 would be NaN.
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    return exponent == 0
               ? T(0)
               : dy * static_cast<T>(exponent) * std::pow(x, static_cast<T>(exponent - 1));
  }
};

struct Clamp {
  static constexpr const char* name = "clamp";
  static constexpr Keep keep = Keep::input;
  double low, high;
  template <class T>
  WEFT_HD T value(T x) const {
    return x < static_cast<T>(low)    ? static_cast<T>(low)
           : x > static_cast<T>(high) ? static_cast<T>(high)
                                      : x;
  }
  template <class T>
  WEFT_HD T gradient(T dy, T x) const {
    return x < static_cast<T>(low) || x > static_cast<T>(high) ? T(0) : dy;
  }
};

struct Scale {
  static constexpr const char* name = "scale";
  static constexpr Keep keep = Keep::nothing;
  double factor;
  template <class T>
  WEFT_HD T value(T x) const {
    return static_cast<T>(factor) * x;
  }
  template <class T>
  WEFT_HD T gradient(T dy, T) const {
    return static_cast<T>(factor) * dy;
  }
};

struct Shift {
  static constexpr const char* name = "shift";
  static constexpr Keep keep = Keep::nothing;
  double offset;
  template <class T>
  WEFT_HD T value(T x) const {
    return x + static_cast<T>(offset);
  }
  template <class T>
  WEFT_HD T gradient(T dy, T) const {
    return dy;
  }
};

// Two operands: their gradients are combinations of dy and these same functors (pointwise.cpp).
struct Add {
  template <class T>
  WEFT_HD T value(T x, T y) const {
    return x + y;
  }
};
struct Sub {
  template <class T>
  WEFT_HD T value(T x, T y) const {
    return x - y;
  }
};
struct Mul {
  template <class T>
  WEFT_HD T value(T x, T y) const {
    return x * y;
  }
};
struct Div {
  template <class T>
  WEFT_HD T value(T x, T y) const {
    return x / y;
  }
};
struct NegMul {
  template <class T>
  WEFT_HD T value(T x, T y) const {
    return -x * y;
  }
};
/// A NaN of either stays one.
struct Maximum {
  template <class T>
  WEFT_HD T value(T x, T y) const {
    return x > y || x != x ? x : y;
  }
};
/// The share of maximum's gradient that x gets.
struct Larger {
  template <class T>
  WEFT_HD T value(T x, T y) const {
    return x > y ? T(1) : x == y ? T(0.5) : T(0);
  }
};

}  // namespace weft::pointwise

/// Each backend instantiates its kernels for these.
// clang-format off
#define WEFT_PLAIN_FUNCTORS(X)                                                              \
  X(Relu, relu) X(Sigmoid, sigmoid) X(Tanh, tanh) X(Softplus, softplus) X(Gelu, gelu)       \
  X(Silu, silu) X(Exp, exp) X(Log, log) X(Abs, abs) X(Square, square) X(Sqrt, sqrt)         \
  X(Reciprocal, reciprocal) X(Neg, neg) X(Asinh, asinh)
#define WEFT_UNARY_FUNCTORS(X) WEFT_PLAIN_FUNCTORS(X) X(Scale) X(Shift) X(Pow) X(Clamp)
#define WEFT_BINARY_FUNCTORS(X) \
  X(Add) X(Sub) X(Mul) X(Div) X(NegMul) X(Maximum) X(Larger)
// clang-format on
