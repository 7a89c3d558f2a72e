// The range of every node's value over some inputs. The steps of int8 span it, but for values so rare
// and so far out that all others would pay for them: of ranges cut to |x| <= a the one whose steps have
// the least squared error over a sample of the values (Banner et al., NeurIPS 2019, arXiv 1810.05723,
// with the values themselves in place of a distribution).
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
  /// Error before anything was observed.
  std::vector<Range> ranges() const;

 private:
  struct Seen {
    Range all;
    std::vector<float> sample;  ///< of values, with every input's extremes among them
  };

  const ExportedNetwork& network_;
  std::vector<Seen> seen_;
  bool any_ = false;
};

/// The range within `all` whose steps have the least squared error over the sample.
Range best_range(const Range& all, const std::vector<float>& sample);

}  // namespace weft
