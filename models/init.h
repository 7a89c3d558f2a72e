// Initial values, each a pure function of (seed, parameter name, element in memory order):
//   normal          N(0, std)                             AdaShare's trunk, std 0.01
//                                                         (docs/method.md section 2.1)
//   kaiming_normal  N(0, sqrt(2 / fan_out))               torchvision's ResNet
//   uniform_fan_in  U(-1/sqrt(fan_in), 1/sqrt(fan_in))    PyTorch's default for conv and linear
#pragma once

#include <cstdint>

#include "engine/backend.h"
#include "engine/parameter.h"

namespace weft::init {

void constant(const AnyContext&, Parameter&, double value);
void normal(const AnyContext&, Parameter&, uint64_t seed, double std, double mean = 0);
/// Weight [K, R, S, C] or [O, I]: fan_out = K R S.
void kaiming_normal(const AnyContext&, Parameter&, uint64_t seed);
/// `fan_in` inputs feed one output: R S C of a convolution.
void uniform_fan_in(const AnyContext&, Parameter&, uint64_t seed, int64_t fan_in);

}  // namespace weft::init
