// Stitch: a learned weighted sum of m feature maps, y = sum_j a_j x_j, with one weight a map or one
// a channel of each. Its weights [m] or [m, C] are a parameter of their own for every task that
// reads the sum, so that a batch without that task's labels leaves them untouched.
#pragma once

#include <string>
#include <vector>

#include "models/layers.h"

namespace weft {

class Stitch {
 public:
  /// `initial`: a_j; `channels`: 0 for one weight a map. The parameter is "sharing.stitch." + name.
  Stitch(ParameterStore& store, const std::string& name, const std::vector<double>& initial,
         int64_t channels = 0);

  Var operator()(Pass& pass, const std::vector<Var>& x) const;

 private:
  Parameter* weights_;
};

/// own at `at`, and (1 - own) / (m - 1) at the m - 1 others: they add up to 1. m = 1: only 1.
std::vector<double> mostly_own(size_t m, size_t at, double own);

}  // namespace weft
