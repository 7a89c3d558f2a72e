// The range of every node's value over some inputs, from the least to the largest. Ranges cut where the
// squared error of the steps is least (Banner et al., NeurIPS 2019, arXiv 1810.05723) gained nothing on
// trained scenes and silicon networks, and lose what lies beyond.
#pragma once

#include <vector>

#include "engine/backend.h"
#include "train/export/int8/quantise.h"

namespace weft {

class Calibration {
 public:
  explicit Calibration(const ExportedNetwork& network);
  /// input [N, H, W, C], f32 on the host, of the size at which the network is.
  void observe(const AnyContext& context, const Tensor& input);
  /// Infinite where a value was not finite. Error before anything was observed.
  std::vector<Range> ranges() const;

 private:
  ExportedNetwork network_;
  std::vector<Range> seen_;
  bool any_ = false;
};

}  // namespace weft
