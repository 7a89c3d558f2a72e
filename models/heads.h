// Heads turn the trunk's [N, H, W, C] into one task's output (docs/method.md section 2.3).
//   aspp    four parallel branches, dilation 6, 12, 18, 24, summed: conv3x3 C->D, ReLU, dropout,
//           conv1x1 D->D, ReLU, dropout, conv1x1 D->out; biases, no batch norm
//   linear  dense tasks: conv1x1 C->out; image labels: global average, linear C->out
//   k_max   image labels: each channel's k largest values, in falling order (k-max pooling, as
//           VD-CNN's head: Conneau et al. 2017), linear kC->D, ReLU, dropout, linear D->D, ReLU,
//           dropout, linear D->out
#pragma once

#include <memory>
#include <string>

#include "models/trunk.h"

namespace weft {

struct HeadOptions {
  bool aspp = true;          ///< false: linear
  bool image_label = false;  ///< one output vector an image; a linear head, or with k_max its own
  int64_t k_max = 0;         ///< k; 0: the global average
  int64_t width = 1024;      ///< D
  double dropout = 0.5;      ///< 0: none
};

class Head {
 public:
  virtual ~Head() = default;
  /// [N, H, W, out], or [N, 1, 1, out] for an image label.
  virtual Var operator()(Pass&, const Var& features) const = 0;
  /// Where the outputs look, for features that lie on `features`; dense tasks alone ask.
  virtual Grid grid(const Grid& features) const { return features; }
  /// MACs an image for features [H, W, C].
  virtual Macs cost(const Shape& features) const = 0;
};

/// `name`: the task's; parameters are "heads.NAME.aspp0.conv1.weight" or "heads.NAME.fc.weight" (k_max's others: fc1, fc2).
std::unique_ptr<Head> make_head(ParameterStore& store, const std::string& name, int64_t in,
                                int64_t out, const HeadOptions& options, uint64_t seed);

}  // namespace weft
