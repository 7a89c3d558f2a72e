// Angles between unit vectors, pooled over a split in constant memory: sums for the means, a
// histogram of 2^20 bins over 0..180 degrees for the median. Each bin keeps the sum of its angles,
// so the median is exact where its bin holds one angle and within 180 / 2^20 degrees elsewhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ranks.h"

namespace weft {

class AngleTally {
 public:
  static constexpr std::array<double, 4> bounds = {11.25, 22.5, 30, 45};  ///< degrees

  void add(double cosine);
  /// Of all ranks' angles.
  void join(Ranks& ranks);
  int64_t count() const { return count_; }
  /// Degrees; NaN of no angles at all.
  double mean() const;
  double median() const;
  double rmse() const;
  double mean_cosine() const;
  /// Share of angles <= bounds[i], 0..1.
  double within(size_t i) const;

 private:
  struct Bin {
    int64_t count = 0;
    double sum = 0;
  };
  double at_rank(int64_t rank) const;

  std::vector<Bin> bins_;  // made by the first angle
  int64_t count_ = 0;
  double sum_ = 0, squares_ = 0, cosines_ = 0;
  std::array<int64_t, bounds.size()> within_{};
};

}  // namespace weft
