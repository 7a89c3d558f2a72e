// A run to its end, and what is left where it does not get there: a checkpoint after a signal, and
// nothing after a first step that failed.
#include "train/checkpoint.h"
#include "train/stop.h"
#include "train/trainer.h"

namespace weft {

void Trainer::run() {
  const StopSignals signals;
  const bool first = state_.total_step == 0;
  try {
    run_to_end();
  } catch (const Stopped&) {
    settle();
    if (folder_) {
      if (state_.stage != Stage::done) save("last");
      say(fmt::format("stopped at step {}; go on with: weft train --resume {}", state_.total_step,
                      folder_->path()));
    }
    throw;
  } catch (const NumericError&) {
    throw;  // the checkpoint from before is a beginning: a lower rate may go on from it
  } catch (...) {
    if (folder_ && first && state_.total_step <= 1) folder_->discard();
    throw;
  }
}

void Trainer::run_to_end() {
  if (folder_ && state_.total_step == 0) save("last");
  do throw_if_stopped();
  while (step());
  if (folder_ && state_.best_step >= 0) recall_best();
  std::vector<TaskResult> results;
  if (!parts_.test.empty()) {
    results = evaluate_split("test");
    write_results(Phase::infer, "test", results);
    if (observer_ != nullptr) observer_->on_eval(Stage::done, "test", results);
  }
  if (folder_) write_summary(folder_->path(), summary(results));
}

}  // namespace weft
