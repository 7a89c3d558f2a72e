// Rounding, clamping, and factors as integers.
#include "train/export/int8/arithmetic.h"

#include <algorithm>
#include <cmath>

namespace weft {
namespace {

constexpr double most_factor = 2147483647.0;  ///< 2^31 - 1

/// Bits behind the point that bring a factor of this size to 2^30 .. 2^31.
int bits_behind(double factor) { return factor > 0 ? 30 - std::ilogb(factor) : 62; }

double scaled(double v, int shift) { return std::nearbyint(std::ldexp(v, shift)); }

}  // namespace

Quantisation quantisation_of(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  const auto scale = static_cast<float>((high - low) / 255);
  if (!(scale > 1e-30F)) return {1, -128};
  const double zero = std::nearbyint(-128 - low / static_cast<double>(scale));
  return {scale, static_cast<int32_t>(std::clamp(zero, -128.0, 127.0))};
}

int8_t clamp_int8(int64_t q) { return static_cast<int8_t>(std::clamp<int64_t>(q, -128, 127)); }

int8_t quantise(float x, const Quantisation& to) {
  const auto low = static_cast<float>(-128 - to.zero), high = static_cast<float>(127 - to.zero);
  float steps = x / to.scale;
  if (!(steps > low)) steps = low;
  if (steps > high) steps = high;
  return static_cast<int8_t>(static_cast<int32_t>(std::nearbyint(steps)) + to.zero);
}

int64_t round_shift(int64_t v, int shift) {
  const uint64_t size = v < 0 ? uint64_t{0} - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
  const uint64_t half = uint64_t{1} << (shift - 1), rest = size & (2 * half - 1);
  uint64_t q = size >> shift;
  if (rest > half || (rest == half && (q & 1) == 1)) ++q;
  return v < 0 ? -static_cast<int64_t>(q) : static_cast<int64_t>(q);
}

Multiplier multiplier_of(double factor) {
  if (factor >= 536870912.0) return {1 << 30, 1};
  const int shift = std::clamp(bits_behind(factor), 1, 62);
  return {static_cast<int32_t>(std::min(scaled(factor, shift), most_factor)), shift};
}

Multipliers multipliers_of(const std::vector<double>& factors, const std::vector<double>& offsets) {
  double most = 0;
  for (const double f : factors) most = std::max(most, std::abs(f));
  Multipliers out;
  // 40 bits leave room for offsets of 2^20 steps, and are 2^-33 of a step exact.
  out.shift = std::clamp(bits_behind(most), 1, 40);
  const auto whole = [&](double v, double limit) {
    return std::clamp(scaled(v, out.shift), -limit, limit);
  };
  for (const double f : factors) out.factors.push_back(static_cast<int32_t>(whole(f, most_factor)));
  for (const double o : offsets)
    out.offsets.push_back(static_cast<int64_t>(whole(o, 1152921504606846976.0)));
  return out;
}

}  // namespace weft
