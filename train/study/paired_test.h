// Whether two methods differ, seed by seed: the paired t-test of Student (1908), two-sided. With
// differences d_1 .. d_n of mean m and sample deviation s,
//   t = m / (s / sqrt(n)),  p = P(|T| >= |t|),  T of Student's distribution with n - 1 degrees of freedom
// It takes the differences as normal, which few seeds can't show. With 3 seeds |t| has to pass 4.30
// for p < 0.05, so that only what every seed repeats is found; a test that takes nothing as normal
// (signs of the differences) can't go below p = 2 / 2^n, 0.25 with 3 seeds.
#pragma once

#include <optional>
#include <vector>

namespace weft {

struct PairedTest {
  int n = 0;
  double mean = 0;  ///< of the differences
  double t = 0;     ///< infinite where they are all one number other than 0
  double p = 1;
};

/// nullopt of fewer than two differences, or where one is no number.
std::optional<PairedTest> paired_t_test(const std::vector<double>& differences);

/// P(|T| >= |t|), `degrees` >= 1, by the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.
double student_two_sided(double t, int degrees);

}  // namespace weft
