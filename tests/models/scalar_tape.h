// The plainest reverse mode there is: every number of a calculation is a node with at most two
// parents and the derivative towards each. It knows no tensor, shares no line with weft, and gives
// every gradient of a naive network exactly, in one sweep.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace weft::test {

struct Step {
  int32_t a, b;  // parents; -1: none
  double da, db;
};

/// All steps of the calculation at hand.
inline std::vector<Step>& steps() {
  static std::vector<Step> all;
  return all;
}

struct Number {
  double value = 0;
  int32_t step = -1;  // -1: a constant
};

inline Number record(double value, const Number& a, double da, const Number& b = {},
                     double db = 0) {
  if (a.step < 0 && b.step < 0) return {value, -1};
  steps().push_back({a.step, b.step, da, db});
  return {value, static_cast<int32_t>(steps().size()) - 1};
}
inline Number variable(double value) {
  steps().push_back({-1, -1, 0, 0});
  return {value, static_cast<int32_t>(steps().size()) - 1};
}

inline Number operator+(const Number& a, const Number& b) {
  return record(a.value + b.value, a, 1, b, 1);
}
inline Number operator-(const Number& a, const Number& b) {
  return record(a.value - b.value, a, 1, b, -1);
}
inline Number operator*(const Number& a, const Number& b) {
  return record(a.value * b.value, a, b.value, b, a.value);
}
inline Number operator*(double a, const Number& b) { return record(a * b.value, b, a); }
inline Number inverse(const Number& a) { return record(1 / a.value, a, -1 / (a.value * a.value)); }
inline Number root(const Number& a) {
  const double r = std::sqrt(a.value);
  return record(r, a, 0.5 / r);
}
inline Number sigmoid(const Number& a) {
  const double s = 1 / (1 + std::exp(-a.value));
  return record(s, a, s * (1 - s));
}
inline Number positive(const Number& a) { return a.value > 0 ? a : record(0, a, 0); }

/// d(end)/d(step) for every step.
inline std::vector<double> gradients(const Number& end) {
  std::vector<double> d(steps().size(), 0.0);
  d[static_cast<size_t>(end.step)] = 1;
  for (size_t i = steps().size(); i-- > 0;) {
    const Step& s = steps()[i];
    if (s.a >= 0) d[static_cast<size_t>(s.a)] += d[i] * s.da;
    if (s.b >= 0) d[static_cast<size_t>(s.b)] += d[i] * s.db;
  }
  return d;
}

}  // namespace weft::test
