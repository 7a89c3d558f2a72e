// paired_t_test: sums in the order of the seeds.
#include "train/study/paired_test.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft {

double student_two_sided(double t, int degrees) {
  if (std::isinf(t)) return 0;
  const double theta = std::atan(std::abs(t) / std::sqrt(static_cast<double>(degrees)));
  const double c = std::cos(theta), s = std::sin(theta);
  // inside = P(|T| < |t|)
  double inside = 0;
  if (degrees % 2 == 1) {
    double term = c, sum = 0;
    for (int i = 1; i <= degrees - 2; i += 2) {
      sum += term;
      term *= c * c * (i + 1) / (i + 2);
    }
    inside = 2 / M_PI * (theta + s * sum);
  } else {
    double term = 1, sum = 0;
    for (int i = 0; i <= degrees - 2; i += 2) {
      sum += term;
      term *= c * c * (i + 1) / (i + 2);
    }
    inside = s * sum;
  }
  return std::clamp(1 - inside, 0.0, 1.0);
}

std::optional<PairedTest> paired_t_test(const std::vector<double>& differences) {
  const auto n = static_cast<int>(differences.size());
  if (n < 2) return std::nullopt;
  double sum = 0, squares = 0;
  for (const double d : differences) {
    if (!std::isfinite(d)) return std::nullopt;
    sum += d;
  }
  const double mean = sum / n;
  for (const double d : differences) squares += (d - mean) * (d - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  PairedTest test{n, mean, 0, 1};
  if (mean == 0) return test;
  test.t = error > 0 ? mean / error : std::copysign(std::numeric_limits<double>::infinity(), mean);
  test.p = student_two_sided(test.t, n - 1);
  return test;
}

}  // namespace weft
