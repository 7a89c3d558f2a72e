// What softmax, log_softmax, cross_entropy, gumbel_softmax and layer_norm share on the CPU: loops
// over rows, the largest value of a row, and its exponentials and sums. Running values are kept in
// fixed lanes that combine pairwise, so loops vectorise and every element's bits are the same
// wherever it lies.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/reduce_tree.h"

namespace weft {

inline constexpr int64_t row_lanes = 8;

/// f(row) for every row of `width`; a chunk is a few thousand exponentials.
template <class F>
void for_rows(CpuContext& ctx, int64_t rows, int64_t width, F&& f) {
  const int64_t chunk = std::max<int64_t>(1, pointwise_chunk / 4 / std::max<int64_t>(1, width));
  ctx.for_chunks(rows, chunk, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) f(row);
  });
}

/// e^x for x <= 0 within 2 ulp, down to the smallest subnormal and 0; NaN stays NaN. Cephes'
/// polynomial after x = n ln 2 + r. Both choices are made on bits: with comparisons of floats gcc
/// makes branches of them and no longer fills vector lanes with the loop around.
inline float exp_negative(float x) {
  constexpr float round = 12582912.0F;  // 1.5 * 2^23: adding it leaves n in the low bits
  constexpr uint32_t lowest = std::bit_cast<uint32_t>(-104.0F);  // its power rounds to 0
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const float at = std::bit_cast<float>(bits < lowest ? bits : lowest);  // max of the negatives
  const float t = at * 1.44269504088896341F + round;
  const float n = t - round;
  const float r = at - n * 0.693359375F - n * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  // 2^n in two factors, since 2^-150 is no float.
  const int32_t power = std::bit_cast<int32_t>(t) - std::bit_cast<int32_t>(round);
  const int32_t half = power >> 1;
  const float e = p * std::bit_cast<float>((half + 127) << 23) *
                  std::bit_cast<float>((power - half + 127) << 23);
  const uint32_t is_nan = (bits << 1) > 0xFF000000U ? ~0U : 0U;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(e) | is_nan);
}
inline double exp_negative(double x) { return std::exp(x); }

template <class T>
T row_max(const T* x, int64_t n) {
  T top[row_lanes];
  std::fill_n(top, row_lanes, -std::numeric_limits<T>::infinity());
  int64_t i = 0;
  for (; i + row_lanes <= n; i += row_lanes)
    for (int64_t lane = 0; lane < row_lanes; ++lane)
      top[lane] = x[i + lane] > top[lane] ? x[i + lane] : top[lane];
  for (; i < n; ++i) top[0] = x[i] > top[0] ? x[i] : top[0];
  return *std::max_element(top, top + row_lanes);
}

/// Sum over i of f(i), f called once for each i in 0 .. n-1.
template <class T, class F>
T row_sum(int64_t n, F&& f) {
  T sums[row_lanes] = {};
  int64_t i = 0;
  for (; i + row_lanes <= n; i += row_lanes)
    for (int64_t lane = 0; lane < row_lanes; ++lane) sums[lane] += f(i + lane);
  for (int64_t lane = 0; i < n; ++i, ++lane) sums[lane] += f(i);
  combine_pairwise(sums, row_lanes);
  return sums[0];
}

}  // namespace weft
