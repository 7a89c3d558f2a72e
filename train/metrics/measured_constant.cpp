// The best constant under measured_loss; see measured_constant.h.
#include "train/metrics/measured_constant.h"

#include <algorithm>
#include <cmath>

#include "data/measured_label.h"

namespace weft {
namespace {

constexpr double decades_each = 0.05;
constexpr int most_steps = 2000, sections = 60;

/// Where f is least within [low, high], where it has one dip.
template <class F>
double golden_section(double low, double high, F&& f) {
  const double share = (std::sqrt(5.0) - 1) / 2;
  double left = high - share * (high - low), right = low + share * (high - low);
  double at_left = f(left), at_right = f(right);
  for (int i = 0; i < sections; ++i) {
    if (at_left <= at_right) {
      high = right;
      right = left;
      at_right = at_left;
      at_left = f(left = high - share * (high - low));
    } else {
      low = left;
      left = right;
      at_left = at_right;
      at_right = f(right = low + share * (high - low));
    }
  }
  return at_left <= at_right ? left : right;
}

}  // namespace

void MeasuredConstant::add(const float* label) {
  labels_.push_back({label[measured::value], label[measured::bound] != 0, label[measured::unit],
                     label[measured::reference]});
}

double MeasuredConstant::loss(double constant) const {
  double sum = 0;
  for (const Label& label : labels_) {
    const double error = constant - label.value;
    if (label.bound && error <= 0) continue;
    sum += error * error;
    if (relative_ == 0) continue;
    const double ratio = std::exp(std::clamp(std::log(10.0) * label.unit * error, -18.0, 18.0));
    const double share = 2 * (ratio - 1) / (ratio + 1 + 2.0 * label.reference);
    sum += relative_ * share * share;
  }
  return sum / static_cast<double>(labels_.size());
}

double MeasuredConstant::least_squares() const {
  double sum = 0, n = 0;
  std::vector<float> bounds;
  for (const Label& label : labels_) {
    if (label.bound) {
      bounds.push_back(label.value);
      continue;
    }
    sum += label.value;
    n += 1;
  }
  // A bound counts where the constant is above it, and then draws it down: the least come first.
  std::sort(bounds.begin(), bounds.end());
  for (const float bound : bounds) {
    if (n > 0 && sum / n <= bound) break;
    sum += bound;
    n += 1;
  }
  return sum / n;
}

double MeasuredConstant::best() const {
  if (relative_ == 0) return least_squares();
  const auto by_value = [](const Label& a, const Label& b) { return a.value < b.value; };
  const auto [least, greatest] = std::minmax_element(labels_.begin(), labels_.end(), by_value);
  const double low = least->value, range = double{greatest->value} - low;
  double unit = 0;
  for (const Label& label : labels_) unit = std::max(unit, double{label.unit});
  const double wanted = std::ceil(range * unit / decades_each);
  const int steps = static_cast<int>(std::clamp(wanted, 1.0, double{most_steps}));
  const auto place = [&](int i) { return low + range * i / steps; };
  int best = 0;
  double loss_there = loss(low);
  for (int i = 1; i <= steps; ++i)
    if (const double here = loss(place(i)); here < loss_there) {
      best = i;
      loss_there = here;
    }
  return golden_section(place(std::max(best - 1, 0)), place(std::min(best + 1, steps)),
                        [&](double c) { return loss(c); });
}

}  // namespace weft
