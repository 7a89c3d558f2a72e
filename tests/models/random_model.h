// A model of numbers that nothing else knows, for comparing it with plain loops in f64: uniform noise
// by name, parameters made of it, and what "equal" means there: |a - b| <= 1e-9 max(1, |b|).
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "engine/philox.h"
#include "models/sharing/sharing.h"
#include "tests/models/scalar_tape.h"
#include "tests/support/catch.h"

namespace weft::test {

/// Uniform in [low, high], by name.
inline std::vector<double> noise(const std::string& name, int64_t n, double low, double high) {
  const Philox words(11, Stream::init, 0, name);
  std::vector<double> out;
  for (int64_t i = 0; i < n; ++i)
    out.push_back(low + (high - low) * words.uniform(static_cast<uint64_t>(i)));
  return out;
}

/// Every parameter anew, so that nothing holds only at the initial values.
inline void randomise(Model& model) {
  for (Parameter& p : model.store().parameters()) {
    const Shape& s = p.value.shape();
    const bool scale = model.store().is_norm(p) && p.name.ends_with(".weight");
    const double size = s.rank() == 4 ? 1.5 / std::sqrt(static_cast<double>(s.inner(1))) : 0.8;
    p.value = Tensor::from(
        s, scale ? noise(p.name, s.numel(), 0.5, 1.5) : noise(p.name, s.numel(), -size, size),
        DType::f64);
  }
}

/// The parameters as variables of the plain loops.
inline std::map<std::string, std::vector<Number>> numbers_of(const Model& model) {
  std::map<std::string, std::vector<Number>> parameters;
  for (const Parameter& p : model.store().parameters())
    for (const double v : p.value.to_vector()) parameters[p.name].push_back(variable(v));
  return parameters;
}

/// d of each of `numbers`, out of gradients(loss).
inline std::vector<double> gradient_of(const std::vector<Number>& numbers,
                                       const std::vector<double>& d) {
  std::vector<double> out;
  for (const Number& n : numbers) out.push_back(d[static_cast<size_t>(n.step)]);
  return out;
}

inline bool close(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(b));
}

inline void check_close(const std::string& name, const std::vector<double>& mine,
                        const std::vector<double>& naive) {
  INFO(name);
  REQUIRE(mine.size() == naive.size());
  size_t wrong = 0;
  for (size_t i = 0; i < naive.size(); ++i) wrong += close(mine[i], naive[i]) ? 0 : 1;
  CHECK(wrong == 0);
}

}  // namespace weft::test
