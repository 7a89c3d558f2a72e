// One step of Adam on one number.
#include "models/balance/adam.h"

#include <algorithm>
#include <cmath>

namespace weft::balance {

void Adam::move(size_t i, double& x, double gradient, double rate) {
  constexpr double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  gradient = std::clamp(gradient, -1e100, 1e100);  // its square has to be a number
  steps[i] += 1;
  first[i] += (1 - beta1) * (gradient - first[i]);
  second[i] = beta2 * second[i] + (1 - beta2) * gradient * gradient;
  const double scale1 = 1 - std::pow(beta1, steps[i]), scale2 = 1 - std::pow(beta2, steps[i]);
  x -= rate / scale1 * first[i] / (std::sqrt(second[i]) / std::sqrt(scale2) + eps);
}

}  // namespace weft::balance
