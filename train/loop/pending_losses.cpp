// PendingLosses: one wait for many steps.
#include "train/loop/pending_losses.h"

#include <utility>

namespace weft {

std::string name_of(const FinishedStep& step) {
  return fmt::format("{} step {} (run step {})", name_of(step.report.phase), step.report.step,
                     step.total_step);
}

bool PendingLosses::due() const { return !is_asynchronous(context_) || steps_.size() == most; }

std::vector<FinishedStep> PendingLosses::settle() {
  if (steps_.empty()) return {};
  synchronize(context_);
  for (FinishedStep& step : steps_)
    for (const Tensor& loss : step.result.losses)
      step.report.losses.push_back(loss.defined() ? Measure(loss.item()) : std::nullopt);
  return std::exchange(steps_, {});
}

}  // namespace weft
