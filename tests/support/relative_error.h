// How far numbers are from others as a whole: ||a - b|| / ||b||.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace weft {

/// a has at least as many numbers as b.
inline double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
  double apart = 0, size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    apart += (a.at(i) - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(apart / std::max(size, 1e-300));
}

}  // namespace weft
