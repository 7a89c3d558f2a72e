// Integer arithmetic of quantised networks: reals as s (q - z), q in -128 .. 127, and factors between
// scales as m 2^-shift (Jacob et al., CVPR 2018, arXiv 1712.05877, section 2.2), |m| < 2^31. Halves
// go to the even neighbour, as ONNX's QuantizeLinear rounds. Exported C has the same functions as
// text (c_int8_kernels.cpp) and gives the same integers.
#pragma once

#include <cstdint>
#include <vector>

namespace weft {

/// A map's: x = scale (q - zero).
struct Quantisation {
  float scale = 1;
  int32_t zero = 0;
};

/// The 256 steps that hold 0 and all between: 0 itself is a step, so that padding is exact, and where
/// low is 0 it is the lowest. A range of nothing has scale 1.
Quantisation quantisation_of(double low, double high);

int8_t clamp_int8(int64_t q);
/// clamp(round(x / scale) + zero), x / scale in f32; not a number is the lowest.
int8_t quantise(float x, const Quantisation& to);

/// round(v 2^-shift), shift in 1 .. 62.
int64_t round_shift(int64_t v, int shift);

/// A positive factor as factor 2^-shift, to 31 bits. Above 2^29 it is 2^29: one step of such an input
/// is beyond all of the output.
struct Multiplier {
  int32_t factor = 0;
  int shift = 1;
};
Multiplier multiplier_of(double factor);

/// Several factors, of any sign, over one shift, and what is added before it: y = zero +
/// round((sum_j factor_j x_j + offset) 2^-shift). Of a channel each where an affine node has them.
struct Multipliers {
  std::vector<int32_t> factors;
  std::vector<int64_t> offsets;
  int shift = 1;
};
/// `offsets` in steps of y; may be empty.
Multipliers multipliers_of(const std::vector<double>& factors,
                           const std::vector<double>& offsets = {});

}  // namespace weft
