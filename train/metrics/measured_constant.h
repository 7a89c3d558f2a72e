// The one number c with the least measured_loss (measured_losses.h) over all labels of a task with a
// target, and its loss there, in f64 on the host:
//   L(c) = mean e(c')^2 + relative (2 (r - 1) / (r + 1 + 2 y0 / y))^2,   e = c' - t,   r = 10^(unit e)
// with c' = max(c, t) where t is a bound from above, c elsewhere. Without the relative part it is the
// mean of the labels and of those bounds that are below it. With it L may have several dips, but each
// label's part falls all the way to its t: the least is between the least and the greatest label.
// It is looked for there in steps of 0.05 decades (a dip is about half a decade wide), at most 2,000
// of them, and then by golden section (Kiefer, 1953) in the two steps about the least.
#pragma once

#include <vector>

#include "engine/ranks.h"

namespace weft {

class MeasuredConstant {
 public:
  /// `relative`: of TaskSpec, at least 0.
  explicit MeasuredConstant(double relative) : relative_(relative) {}
  /// The channels of a label (data/measured_label.h) that is there.
  void add(const float* label);
  void join(Ranks& ranks) { ranks.join(labels_); }  ///< of all ranks' labels
  /// The mean over all labels; there has to be one.
  double loss(double constant) const;
  double best() const;

 private:
  struct Label {
    float value;
    bool bound;
    float unit, reference;
  };
  double least_squares() const;

  double relative_;
  std::vector<Label> labels_;
};

}  // namespace weft
