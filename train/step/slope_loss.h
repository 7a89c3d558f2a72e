// Slopes in the loss: the network's dt'/dx by the tape (ops/tangents.h) along each measured slope's
// column, against the labels of data/measured_label.h. With rho = (dy/dx) / y measured,
//   e = (ln 10 unit dt'/dx - a_x / x) / rho - 1,   L_s = weight mean h(e),   h: Huber's, delta 1
// so e is the relative error of dy'/dx where y' = y, and it pulls on slopes, the other loss on t'. Where
// current saturates rho is small and e steep, so that h bounds what one label can do. Training on
// derivatives: Czarnecki et al., Sobolev Training, NeurIPS 2017 (arXiv 1706.04859).
// Warm-up and re-training alone; AdaShare's search and evaluation are without it.
#pragma once

#include <optional>
#include <vector>

#include "ops/tangents.h"
#include "train/run_file/run_file.h"
#include "train/step/step.h"

namespace weft {

class SlopeLoss {
 public:
  /// Notes what is recorded on in.images' tape from here on, where a slope is learned.
  SlopeLoss(const RunFile& run, const StepInputs& in);

  /// in.images, as a value that tangents start from where there are any: [M, 1, 1, D].
  const Var& images() const { return images_; }
  /// After the forward pass: tangents of the outputs [M or N, 1, 1, 1]. `apart`: every task has rows
  /// of its own in `images`. ConfigError where the network holds an op without a tangent, or where two
  /// tasks of one row learn slopes by different columns.
  void differentiate(const std::vector<Var>& outputs, bool apart);
  /// Adds L_s of task k's slopes to its loss, which is returned; `labels`: host f32 [rows, 1, 1, C].
  const Var& add_to(Var& loss, size_t k, const Tensor& labels) const;

 private:
  const RunFile& run_;
  const StepInputs& in_;
  Var images_;
  std::vector<std::vector<double>> weights_;  ///< of each task's slopes, 0: reported alone
  size_t most_ = 0;                           ///< slopes of one task, where one is learned
  std::optional<Tangents> tangents_;
  std::vector<std::vector<Var>> moved_;  ///< [slope][task]
};

/// Whether any task's slopes have a weight.
bool learns_slopes(const RunFile& run);

}  // namespace weft
