// A run from its last checkpoint on, with what changes from there, and to its end; and what is left
// where it does not get there: a checkpoint after a signal, nothing after a first step that failed.
#include <utility>

#include "data/fingerprint.h"
#include "train/loop/trainer.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
#include "train/step/choice.h"
#include "train/step/stop.h"

namespace weft {

void Trainer::resume(FolderLock folder, const std::string& name,
                     const std::vector<std::string>& changes) {
  const std::string last = checkpoint_path(folder.folder(), name);
  const Checkpoint checkpoint = read_checkpoint(last);
  check_state(checkpoint.state, run_, *model_, last);
  if (checkpoint.state.stage != Stage::done && checkpoint.state.due == Due::nothing &&
      checkpoint.state.step >= stage_steps(checkpoint.state.stage))
    throw DataError(fmt::format("{}: stands at the end of a stage, not in one", last));
  learned_ = checkpoint.learned;
  if (const std::string how = difference(learned_.fingerprint, data_); !how.empty())
    throw DataError(
        fmt::format("{}: the data changed since this run began: {}; put them back as they were, or "
                    "train anew",
                    folder.folder(), how));
  state_ = checkpoint.state;
  due_ = std::exchange(state_.due, Due::nothing);
  const RecordLines lines = std::exchange(state_.lines, {});
  load_model(last, *model_);
  open_loaders();
  if (state_.stage != Stage::done) load_optimizers(last, context_, optimizers());
  folder_.emplace(RunFolder::resume(std::move(folder), state_.total_step, lines));
  for (const std::string& gap : folder_->gaps()) say(gap);
  make_last(folder_->path(), name);
  forget_lost_best();
  measured_ = read_measured(folder_->path());
  if (!changes.empty()) {
    state_.changes.push_back(
        fmt::format("from step {} on: {}", state_.total_step, fmt::join(changes, " ")));
    say("changed " + state_.changes.back());
    folder_->write_run(print_run_file(run_));
    save("last");
  }
  memory_of(context_).reset_peak();
}

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
    check_results(Phase::infer, "test", results);
    if (const std::string worse = worse_than_constant(results); !worse.empty()) say(worse);
  }
  if (state_.skipped > 0)
    say(fmt::format("{} of {} steps were skipped: a loss or gradient was no number", state_.skipped,
                    state_.total_step));
  if (folder_) write_summary(folder_->path(), summary(results));
}

}  // namespace weft
