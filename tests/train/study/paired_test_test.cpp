// Student's distribution against its closed forms and published quantiles; the paired test by hand.
#include "train/study/paired_test.h"

#include <cmath>
#include <limits>

#include "tests/support/catch.h"

using namespace weft;

TEST_CASE("student: two-sided p at published quantiles of 1 to 30 degrees of freedom", "[report]") {
  // Quantiles of 0.975: Fisher and Yates, table III.
  const std::pair<int, double> quantiles[] = {{1, 12.7062},  {2, 4.30265}, {3, 3.18245},
                                              {4, 2.77645},  {5, 2.57058}, {9, 2.26216},
                                              {10, 2.22814}, {30, 2.04227}};
  for (const auto& [degrees, t] : quantiles) {
    CAPTURE(degrees);
    CHECK(student_two_sided(t, degrees) == Catch::Approx(0.05).epsilon(1e-4));
    CHECK(student_two_sided(-t, degrees) == student_two_sided(t, degrees));
  }
  // Cauchy's distribution and that of 2 degrees have closed forms.
  for (const double t : {0.0, 0.3, 1.0, 7.5}) {
    CHECK(student_two_sided(t, 1) == Catch::Approx(1 - 2 / M_PI * std::atan(t)));
    CHECK(student_two_sided(t, 2) == Catch::Approx(1 - t / std::sqrt(2 + t * t)));
  }
}

TEST_CASE("paired test: by hand, without pairs, and where nothing varies", "[report]") {
  const auto test = paired_t_test({1.0, 2.0, 3.0});  // mean 2, error 1 / sqrt 3
  REQUIRE(test);
  CHECK(test->n == 3);
  CHECK(test->mean == Catch::Approx(2));
  CHECK(test->t == Catch::Approx(2 * std::sqrt(3.0)));
  CHECK(test->p == Catch::Approx(1 - std::sqrt(12.0) / std::sqrt(14.0)));
  CHECK_FALSE(paired_t_test({}));
  CHECK_FALSE(paired_t_test({1.0}));
  CHECK_FALSE(paired_t_test({1.0, std::nan("")}));
  CHECK(paired_t_test({0, 0, 0})->p == 1);
  CHECK(paired_t_test({-2, -2})->p == 0);
  CHECK(paired_t_test({-2, -2})->t == -std::numeric_limits<double>::infinity());
}
