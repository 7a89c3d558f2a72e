// Export cases in int8: calibrated on random inputs, the first of which tests compare on.
#pragma once

#include "tests/train/export/cases.h"
#include "train/export/int8/run_int8.h"

namespace weft::test {

/// The case's network in int8.
Int8Network int8_case(const ExportCase& c);

/// Root of the mean square of the difference, over that of `wanted`.
double rms_difference(const std::vector<double>& wanted, const std::vector<double>& found);

/// A chain of nodes after an input [H, W, C], each reading the one before.
class Chain {
 public:
  explicit Chain(const Shape& input);
  /// Of the shape of its input but for the channels; 0: as many.
  Chain& then(NodeKind kind, const std::vector<Tensor>& weights = {}, int64_t channels = 0);
  /// With its last node as the output of task "y".
  ExportedNetwork network() const;
  ExportedNode& last() { return network_.nodes.back(); }

 private:
  ExportedNetwork network_;
};

}  // namespace weft::test
