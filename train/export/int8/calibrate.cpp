// Calibration: extremes, node by node.
#include "train/export/int8/calibrate.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "train/export/run_network.h"

namespace weft {

Calibration::Calibration(const ExportedNetwork& network)
    : network_(network), seen_(network.nodes.size()) {}

void Calibration::observe(const AnyContext& context, const Tensor& input) {
  const std::vector<Tensor> values = node_values(context, network_, input);
  for (size_t i = 0; i < values.size(); ++i)
    for (int64_t j = 0; j < values[i].numel(); ++j) {
      const auto v = static_cast<double>(values[i].data<float>()[j]);
      seen_[i].low = std::min(seen_[i].low, v);
      seen_[i].high = std::isfinite(v) ? std::max(seen_[i].high, v) : HUGE_VAL;
    }
  any_ = true;
}

std::vector<Range> Calibration::ranges() const {
  if (!any_) throw Error("calibration: nothing was observed");
  return seen_;
}

}  // namespace weft
