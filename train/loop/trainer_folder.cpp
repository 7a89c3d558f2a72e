// Trainer: the folder that keeps a run, and going on from it.
#include <algorithm>
#include <utility>

#include "data/fingerprint.h"
#include "engine/ranks.h"
#include "train/loop/best_step.h"
#include "train/loop/faults.h"
#include "train/loop/policy_choice.h"
#include "train/loop/trainer.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
#include "train/step/build.h"
#include "train/step/compat.h"
#include "train/step/over_ranks.h"

namespace weft {
namespace {

/// What a change of a phase's steps means for a schedule that spreads over them.
std::vector<std::string> new_rates(const RunFile& run, const std::vector<std::string>& changes) {
  std::vector<std::string> lines;
  for (const Phase phase : {Phase::warmup, Phase::weights, Phase::retrain}) {
    const std::string table = table_of(phase);
    const PhaseSpec& spec = phase_spec(run, phase);
    const ScheduleKind kind = spec.schedule.kind;
    if (kind != ScheduleKind::cosine && kind != ScheduleKind::poly) continue;
    for (const std::string& change : changes)
      if (change.starts_with(table + ".steps="))
        lines.push_back(
            fmt::format("{0}.schedule is \"{1}\", which depends on {0}.steps: rates go on as those "
                        "of {2} steps, and steps that are done had others",
                        table, name_of(kind), spec.steps));
  }
  return lines;
}

}  // namespace

void Trainer::start(const std::string& folder) {
  // The first batch comes first, so that broken data leave no half-made folder behind.
  if (tools_.open()) next_batch_ = tools_.loader(current_phase()).next();
  learned_ = learn_from(run_, data_);
  folder_.emplace(RunFolder::create(folder, print_run_file(run_)));
  faults_.set_folder(folder_->path());
  if (run_.tensorboard) folder_->record_events(run_, state_);
  try {
    for (const std::string& line : data_.notes()) say("data: " + line);
    const bool val_is_test = !parts_.val.empty() && parts_.val == parts_.test;
    for (const std::string& line : compat_notes(run_, val_is_test)) say(line);
    if (!state_.chosen.select.empty()) folder_->write_policy(decided_json(state_, run_, *model_));
  } catch (...) {
    folder_->discard();
    throw;
  }
  memory_of(context_).reset_peak();
}

/// Goes on from a checkpoint; what is to be said about its best step. All ranks read before the
/// first of them writes.
std::string Trainer::take_up(const std::string& folder, const std::string& name) {
  const std::string last = checkpoint_path(folder, name);
  const Checkpoint checkpoint = read_checkpoint(last);
  check_state(checkpoint.state, run_, *model_, last);
  if (checkpoint.state.stage != Stage::done && checkpoint.state.due == Due::nothing &&
      checkpoint.state.step >= stage_steps(run_, checkpoint.state, checkpoint.state.stage))
    throw DataError(fmt::format("{}: stands at the end of a stage, not in one", last));
  learned_ = checkpoint.learned;
  if (const std::string how = difference(learned_.fingerprint, data_); !how.empty())
    throw DataError(
        fmt::format("{}: the data changed since this run began: {}; put them back as they were, or "
                    "train anew",
                    folder, how));
  state_ = checkpoint.state;
  due_ = std::exchange(state_.due, Due::nothing);
  load_model(last, *model_);
  open_tools();
  if (state_.stage != Stage::done) load_optimizers(last, context_, optimizers());
  if (tools_.balance() != nullptr) load_balance(last, *model_, *tools_.balance());
  std::string lost = forget_lost_best(state_, run_, folder);
  memory_of(context_).reset_peak();
  current_ranks().wait_for_all();
  return lost;
}

/// What is tested; the first rank has the file.
void Trainer::take_best() {
  Ranks& ranks = current_ranks();
  if (!ranks.agree(folder_ && state_.best_step >= 0)) return;
  if (ranks.first()) {
    const std::string best = folder_->checkpoint("best");
    require_best(state_, best, folder_->path());
    load_model(best, *model_);
  }
  take_from_first_rank(model_->store());
}

void Trainer::resume(FolderLock folder, const std::string& name,
                     const std::vector<std::string>& changes) {
  const std::string lost = take_up(folder.folder(), name);
  const RecordLines lines = std::exchange(state_.lines, {});
  folder_.emplace(RunFolder::resume(std::move(folder), state_.total_step, lines));
  faults_.set_folder(folder_->path());
  if (run_.tensorboard) folder_->record_events(run_, state_);
  for (const std::string& gap : folder_->gaps()) say(gap);
  make_last(folder_->path(), name);
  put_best_in_order(folder_->path(), state_);
  if (state_.stage != Stage::done) remove_end(folder_->path());
  if (!lost.empty()) say(lost);
  measured_ = read_measured(folder_->path());
  if (!changes.empty()) {
    state_.changes.push_back(
        fmt::format("from step {} on: {}", state_.total_step, fmt::join(changes, " ")));
    say("changed " + state_.changes.back());
    for (const std::string& line : new_rates(run_, changes)) say(line);
    folder_->write_run(print_run_file(run_));
    save("last");
  }
}

void Trainer::save(const std::string& name) const {
  // Only `last` is gone on from.
  const bool last = name == "last";
  const auto all = last ? optimizers() : std::vector<Optimizer*>{};
  TrainState state = state_;
  const RecordLines lines = folder_->sync();
  if (last) state.due = due_;
  if (last) state.lines = lines;
  save_checkpoint(last ? next_checkpoint(folder_->path(), name) : folder_->checkpoint(name),
                  *model_, {all.begin(), all.end()}, {state, print_run_file(run_), learned_},
                  last ? tools_.balance() : nullptr);
  if (!last) return;
  insert_checkpoint(folder_->path(), name, 0, static_cast<size_t>(run_.checkpoint_keep));
  folder_->write(measured());
}

void Trainer::save_best(size_t place) const {
  folder_->sync();
  const std::string& folder = folder_->path();
  save_checkpoint(next_checkpoint(folder, "best"), *model_, {},
                  {state_, print_run_file(run_), learned_});
  insert_checkpoint(folder, "best", place, 1 + state_.next_best.size());
}

void Trainer::show(const std::string& name, const Picture& picture) {
  if (folder_) folder_->show(name, state_.total_step, picture);
}

Measured Trainer::measured() const {
  Measured m = measured_;
  const auto peak = static_cast<int64_t>(memory_of(context_).counters().peak_bytes);
  m.peak_bytes = std::max(m.peak_bytes, peak);
  return m;
}

}  // namespace weft
