// Angles between unit vectors, pooled over a split; see angles.h.
#include "train/metrics/angles.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft {
namespace {

constexpr int64_t bin_count = 1 << 20;
constexpr double degrees_per_radian = 57.295779513082320877;

double ratio(double sum, int64_t count) {
  return count > 0 ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void AngleTally::add(double cosine) {
  if (bins_.empty()) bins_.resize(bin_count);
  // A prediction that is NaN is as wrong as can be.
  const double inside = cosine >= -1 ? std::min(cosine, 1.0) : -1.0;
  const double angle = std::acos(inside) * degrees_per_radian;
  Bin& bin = bins_[static_cast<size_t>(
      std::min(static_cast<int64_t>(angle * (bin_count / 180.0)), bin_count - 1))];
  bin.count += 1;
  bin.sum += angle;
  count_ += 1;
  sum_ += angle;
  squares_ += angle * angle;
  cosines_ += inside;
  for (size_t i = 0; i < bounds.size(); ++i) within_[i] += angle <= bounds[i];
}

void AngleTally::join(Ranks& ranks) {
  if (ranks.alone()) return;
  std::vector<int64_t> counts(bin_count);
  std::vector<double> sums(bin_count);
  for (size_t i = 0; i < bins_.size(); ++i) counts[i] = bins_[i].count, sums[i] = bins_[i].sum;
  ranks.sum_all(counts, sums, count_, sum_, squares_, cosines_);
  ranks.sum(within_.data(), static_cast<int64_t>(within_.size()));
  bins_.resize(bin_count);
  for (size_t i = 0; i < bins_.size(); ++i) bins_[i] = {counts[i], sums[i]};
}

double AngleTally::mean() const { return ratio(sum_, count_); }
double AngleTally::rmse() const { return std::sqrt(ratio(squares_, count_)); }
double AngleTally::mean_cosine() const { return ratio(cosines_, count_); }
double AngleTally::within(size_t i) const { return ratio(static_cast<double>(within_[i]), count_); }

double AngleTally::at_rank(int64_t rank) const {
  for (const Bin& bin : bins_) {
    if (rank < bin.count) return bin.sum / static_cast<double>(bin.count);
    rank -= bin.count;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double AngleTally::median() const { return (at_rank((count_ - 1) / 2) + at_rank(count_ / 2)) / 2; }

}  // namespace weft
