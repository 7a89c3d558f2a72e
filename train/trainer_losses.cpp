// Trainer: what finished steps have lost. On a GPU the losses of several steps are fetched
// together, so that no step waits for its own.
#include <cmath>
#include <utility>

#include "train/device.h"
#include "train/trainer.h"

namespace weft {

void Trainer::check_losses(const Pending& step) const {
  for (size_t k = 0; k < step.losses.size(); ++k) {
    if (!step.losses[k].defined() || std::isfinite(step.losses[k].item())) continue;
    const Phase phase = step.report.phase;
    throw NumericError(fmt::format(
        "the loss of task '{}' is {}; lower {}.optimizer.lr, or find the op with --debug",
        run_.tasks[k].name, step.losses[k].item(),
        phase == Phase::weights ? "policy" : name_of(phase)));
  }
}

void Trainer::settle() {
  if (pending_.empty()) return;
  synchronize(context_);
  for (Pending& step : std::exchange(pending_, {})) {
    StepReport& report = step.report;
    try {
      check_losses(step);
    } catch (const NumericError& e) {
      throw NumericError(fmt::format("{} step {} (run step {}): {}", name_of(report.phase),
                                     report.step, step.total_step, e.what()));
    }
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
