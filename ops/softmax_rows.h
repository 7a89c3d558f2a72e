// What softmax, log_softmax, cross_entropy and gumbel_softmax share on the CPU: loops over rows, the
// largest value of a row, and its exponentials and their sum. Running values are kept in fixed lanes
// that combine pairwise, so loops vectorise and every element's bits are the same wherever it lies.
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

/// e^x for x <= 0 within 2 ulp, 0 where it would be subnormal; NaN stays NaN. Cephes' polynomial
/// after x = n ln 2 + r: plain arithmetic, so that the compiler fills vector lanes with it.
inline float exp_negative(float x) {
  constexpr float round = 12582912.0F;  // 1.5 * 2^23: adding it leaves an integer in the low bits
  const float at = x < -87.0F ? -87.0F : x;
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
  const uint32_t power = (std::bit_cast<uint32_t>(t) - std::bit_cast<uint32_t>(round) + 127) << 23;
  return x < -87.0F ? 0.0F : p * std::bit_cast<float>(power);
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
