// The function between layers of the MLP, by its word:
//   relu max(x, 0)   tanh   silu x / (1 + exp(-x))   softplus log(1 + exp(x))   gelu x Phi(x)
// All but ReLU have derivatives of every order, so that the slope of a network by its inputs is
// continuous: what a device model needs for its conductances. Any shape; retains as its op does.
#pragma once

#include "engine/words.h"
#include "ops/pointwise.h"

namespace weft {

enum class Activation : uint8_t { relu, tanh, silu, softplus, gelu };
constexpr std::array<const char*, 5> words_of(Activation) {
  return {"relu", "tanh", "silu", "softplus", "gelu"};
}

inline Var activate(Activation activation, const Var& x) {
  switch (activation) {
    case Activation::relu:
      return relu(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::silu:
      return silu(x);
    case Activation::softplus:
      return softplus(x);
    case Activation::gelu:
      return gelu(x);
  }
  throw Error("activation: no such function");
}

/// What keeps an MLP's layers in range: batch norm after each, or nothing but their biases.
enum class Norm : uint8_t { batch, none };
constexpr std::array<const char*, 2> words_of(Norm) { return {"batch", "none"}; }

}  // namespace weft
