// Integers of quantised networks against the reals that they stand for.
#include "train/export/int8/arithmetic.h"

#include <cmath>

#include "engine/philox.h"
#include "tests/support/catch.h"

using namespace weft;

TEST_CASE("int8: a range's steps hold 0, and every value of it to half a step", "[int8]") {
  for (const auto& [low, high] : {std::pair{-1.0, 3.0}, std::pair{0.0, 6.0}, std::pair{-2.5, 0.0},
                                  std::pair{0.5, 2.0}, std::pair{-1e-3, 1e4}}) {
    INFO(low << " " << high);
    const Quantisation q = quantisation_of(low, high);
    CHECK(q.zero >= -128);
    CHECK(q.zero <= 127);
    CHECK(quantise(0, q) == q.zero);
    const double step = static_cast<double>(q.scale);
    for (double v = low; v <= high; v += (high - low) / 997) {
      const double back = step * (quantise(static_cast<float>(v), q) - q.zero);
      // The zero's own rounding moves the ends by up to half a step.
      const bool end = v < low + step || v > high - step;
      CHECK(std::abs(back - v) <= step * (end ? 1.01 : 0.501));
    }
  }
  CHECK(quantisation_of(0, 5).zero == -128);  // so that the lowest step does what relu does
  CHECK(quantisation_of(0, 0).zero == -128);
  CHECK(quantise(NAN, quantisation_of(-1, 1)) == -128);
  CHECK(quantise(INFINITY, quantisation_of(-1, 1)) == 127);
  CHECK(quantise(2.5F, {1, 0}) == 2);  // halves to even
  CHECK(quantise(-3.5F, {1, 0}) == -4);
}

TEST_CASE("int8: a factor as an integer and a shift rounds as the real one does", "[int8]") {
  CHECK(round_shift(5, 1) == 2);
  CHECK(round_shift(7, 1) == 4);
  CHECK(round_shift(-5, 1) == -2);
  CHECK(round_shift(-6, 2) == -2);
  CHECK(round_shift(INT64_C(-4611686018427387904), 62) == -1);
  const Philox words(1, Stream::data, 0, "int8.factors");
  for (uint64_t i = 0; i < 20000; ++i) {
    const double factor = std::exp(30 * words.uniform(3 * i) - 25);
    const auto v = static_cast<int64_t>((words.uniform(3 * i + 1) - 0.5) * 4294967296.0);
    const Multiplier m = multiplier_of(factor);
    const double wanted = static_cast<double>(v) * factor;
    const auto found = static_cast<double>(round_shift(v * m.factor, m.shift));
    REQUIRE(std::abs(found - wanted) <= 0.5 + 1e-9 * std::abs(wanted));
  }
  CHECK(clamp_int8(round_shift(int64_t{1} * multiplier_of(1e30).factor, 1)) == 127);
  CHECK(multiplier_of(0).factor == 0);
  CHECK(round_shift(INT32_MAX * int64_t{multiplier_of(1e-12).factor}, multiplier_of(1e-12).shift) ==
        0);
}

TEST_CASE("int8: factors over one shift are as exact beside a small one as beside a large one",
          "[int8]") {
  const Multipliers m = multipliers_of({3.25, -1e-6, 0}, {100.5, -3, 0});
  for (size_t j = 0; j < 3; ++j) {
    const double factor = std::vector{3.25, -1e-6, 0.0}[j],
                 offset = std::vector{100.5, -3.0, 0.0}[j];
    CHECK(std::abs(std::ldexp(m.factors[j], -m.shift) - factor) < 1e-9);
    CHECK(std::abs(std::ldexp(static_cast<double>(m.offsets[j]), -m.shift) - offset) < 1e-9);
  }
  CHECK(multipliers_of({0, 0}).factors == std::vector<int32_t>{0, 0});
  CHECK(multipliers_of({1e-30}, {1e30}).offsets[0] == INT64_C(1) << 60);  // a saturated step anyway
}
