// Trainer: what finished steps have lost. On a GPU the losses and verdicts of several steps are
// fetched together, so that no step waits for its own.
#include <utility>

#include "train/loop/trainer.h"
#include "train/step/device.h"

namespace weft {

void Trainer::settle() {
  if (pending_.empty()) return;
  synchronize(context_);
  for (Pending& step : std::exchange(pending_, {})) {
    StepReport& report = step.report;
    if (is_asynchronous(context_) && !step.skipped && step.verdict.item() != all_finite)
      throw NumericError(fmt::format("{} step {} (run step {}): {}", name_of(report.phase),
                                     report.step, step.total_step, explain(step)));
    for (const Tensor& loss : step.losses)
      report.losses.push_back(loss.defined() ? Measure(loss.item()) : std::nullopt);
    if (folder_)
      for (size_t k = 0; k < report.losses.size(); ++k)
        folder_->write(MetricsLine{report.phase,
                                   step.total_step,
                                   step.epoch,
                                   "train",
                                   run_.tasks[k].name,
                                   report.losses[k],
                                   {},
                                   step.seconds});
    if (observer_ != nullptr) observer_->on_step(report);
  }
}

}  // namespace weft
