// Losses of finished steps that may still be on their way from a GPU. They are waited for together,
// so that no step waits for its own; where reading does not wait, each is there at once.
#pragma once

#include <string>
#include <vector>

#include "engine/backend.h"
#include "train/loop/observer.h"
#include "train/step/train_step.h"

namespace weft {

/// A step that was taken or left out.
struct FinishedStep {
  StepReport report;  ///< its losses are filled in by settle()
  int64_t total_step = 0, epoch = 0;
  double seconds = 0;
  std::vector<std::string> keys;  ///< of the batch's samples
  StepResult result;
};
/// "weights step 3 (run step 15)".
std::string name_of(const FinishedStep& step);

class PendingLosses {
 public:
  /// Steps that are waited for together.
  static constexpr size_t most = 16;

  explicit PendingLosses(const AnyContext& context) : context_(context) {}
  void add(FinishedStep step) { steps_.push_back(std::move(step)); }
  /// Whether it is time to settle.
  bool due() const;
  /// Waits for all numbers; the steps in order, with their losses.
  std::vector<FinishedStep> settle();

 private:
  AnyContext context_;
  std::vector<FinishedStep> steps_;
};

}  // namespace weft
