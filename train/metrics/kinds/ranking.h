// How well scores rank positives above negatives. Equal scores count as one threshold, so the order
// of samples is nothing. A score that is NaN is wrong either way: a positive's is the lowest, a
// negative's the highest.
#pragma once

#include <vector>

#include "train/metrics/measure.h"

namespace weft {

/// Share of pairs (positive, negative) that scores put in order, ties counting half; 0..1. Absent
/// where there are no positives or no negatives.
Measure auroc(const std::vector<double>& scores, const std::vector<bool>& positive);
/// Sum over thresholds of (recall gained) * precision; 0..1. Absent where there are no positives.
Measure average_precision(const std::vector<double>& scores, const std::vector<bool>& positive);

}  // namespace weft
