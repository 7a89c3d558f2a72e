// Trainer: one step after the other, what the end of each owes, and the folder that keeps it.
#include "train/loop/trainer.h"

#include <algorithm>
#include <utility>

#include "data/fingerprint.h"
#include "engine/ranks.h"
#include "models/sharing/per_input.h"
#include "train/loop/best_step.h"
#include "train/loop/patience.h"
#include "train/loop/policy_choice.h"
#include "train/loop/preflight.h"
#include "train/loop/summarise.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/pretrained.h"
#include "train/run_folder/test_record.h"
#include "train/step/choice.h"
#include "train/step/compat.h"
#include "train/step/stop.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

}  // namespace

Trainer::Trainer(RunFile run, const Dataset& data, AnyContext context, TrainObserver* observer,
                 Begin begin)
    : run_(std::move(run)),
      data_(data),
      context_(context),
      observer_(observer),
      parts_(make_parts(data, run_.semantics, run_.policy.data_share)),
      model_(planned_model(context, run_, data, parts_)),
      clock_(search_clock(run_, data, parts_, model_->policy() != nullptr)),
      train_step_(run_, context),
      pending_(context),
      faults_(run_, data) {
  // A set may bring class weights of its own (Taskonomy's prior factor); the run file's win.
  for (size_t k = 0; k < run_.tasks.size(); ++k)
    if (run_.tasks[k].class_weights.empty()) run_.tasks[k].class_weights = data.class_weights(k);
  if (begin == Begin::resumed) return;
  check_search(run_, *model_, clock_);
  for (const std::string& line : plan_notes(run_, data, parts_, *model_, clock_))
    say("plan: " + line);
  if (!run_.model.init.empty()) say(load_pretrained(run_.model, *model_).text());
  enter(searches(run_, model_->policy() != nullptr) ? Stage::warmup : Stage::retrain);
}

Trainer::~Trainer() = default;

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
  take_best();
  std::vector<TaskResult> results;
  if (!parts_.test.empty()) {
    std::vector<TaskDetail> details;
    const bool whole = current_ranks().alone();  // a rank keeps samples of its own batches alone
    results = evaluate_split(EvalSplit::test, 0, whole ? &details : nullptr);
    if (folder_ && whole)
      write_test_record(folder_->path(), details);
    else if (folder_)
      remove_test_record(folder_->path());
    write_results(Phase::infer, EvalSplit::test, results);
    if (observer_ != nullptr) observer_->on_eval(Stage::done, EvalSplit::test, results);
    check_results(Phase::infer, EvalSplit::test, results);
    if (const std::string worse = worse_than_constant(results); !worse.empty()) say(worse);
  }
  if (state_.skipped > 0)
    say(fmt::format("{} of {} steps were skipped: a loss or gradient was no number", state_.skipped,
                    state_.total_step));
  if (folder_) write_summary(folder_->path(), summary(results));
}

/// Begins `stage`, or the first after it that has steps to do. A stop while the policy is decided
/// leaves everything as it was before.
void Trainer::enter(Stage stage) {
  stage = first_with_steps(run_, stage);
  if (stage == Stage::retrain) decide();
  if (stage == Stage::retrain && stage_steps(run_, stage) == 0) stage = Stage::done;
  state_.stage = stage;
  state_.step = 0;
  state_.patience = {};
  if (stage == Stage::retrain && model_->policy() && run_.retrain.init == RetrainInit::random) {
    // From scratch, but the record of what was learned stays in the checkpoint.
    auto fresh = make_model(context_, run_);
    if (!run_.model.init.empty()) load_pretrained(run_.model, *fresh);
    for (size_t k = 0; k < run_.tasks.size(); ++k)
      fresh->policy()->set_logits(k, model_->policy()->host_logits(k));
    model_ = std::move(fresh);
  }
  open_tools();
}

/// The policy of re-training, where there is one to decide.
void Trainer::decide() {
  if (model_->policy() == nullptr || !state_.chosen.select.empty()) return;
  decide_policy(state_, context_, run_, data_, parts_, *model_,
                [this](const std::string& line) { say(line); });
  if (folder_) folder_->write_policy(decided_json(state_, run_, *model_));
}

void Trainer::open_tools() {
  tools_ = {};  // loaders of before end first
  tools_ = StageTools(context_, run_, data_, parts_, *model_, state_, clock_);
}

void Trainer::jump(Stage stage, int64_t step) {
  state_.stage = stage;
  if (stage == Stage::retrain) decide();
  state_.step = step;
  if (model_->policy() == nullptr) state_.total_step = step;  // there is no other stage
  open_tools();
}

bool Trainer::step() {
  finish_step();
  if (state_.stage == Stage::done) return false;
  const auto began = Clock::now();
  const Phase phase = current_phase();
  const Batch batch = next_batch(phase);
  FinishedStep done{{state_.stage, phase, state_.step + 1, stage_steps(run_, state_.stage), {}},
                    state_.total_step + 1,
                    batch.epoch,
                    0,
                    batch.keys,
                    {}};
  try {
    done.result = train_step_.take(*model_, tools_.optimizer(phase),
                                   inputs_of(state_, clock_, run_, *model_, phase), batch,
                                   update_of(run_, phase, state_.step), tools_.balance());
  } catch (const NumericError& e) {
    throw NumericError(fmt::format("{}: {}", name_of(done), e.what()));
  }
  say_notes(done, done.result.notes);
  if (done.result.taken) {
    state_.skipped_in_row = 0;
  } else {  // its numbers are there
    if (done.result.balance != nullptr) say_notes(done, done.result.balance->notes);
    say(faults_.leave_out(done, model_->store(), state_));
  }
  ++state_.step;
  ++state_.total_step;
  done.seconds = seconds_since(began_);
  pending_.add(std::move(done));
  if (pending_.due() || evaluates_now() || saves_now()) settle();
  measured_.seconds[static_cast<size_t>(state_.stage)] += seconds_since(began);
  if (state_.stage == Stage::search && clock_.position(state_.step) == 0 && folder_)
    folder_->write(search_line(run_, state_, clock_, *model_->policy()), model_->task_names());
  if (evaluates_now())
    due_ = Due::evaluation;
  else if (folder_ && saves_now())
    save("last");
  finish_step();
  return true;
}

Batch Trainer::next_batch(Phase phase) {
  if (next_batch_) return *std::exchange(next_batch_, std::nullopt);
  Loader& loader = tools_.loader(phase);
  const double before = loader.waited_seconds();
  Batch batch = loader.next();
  measured_.waited += loader.waited_seconds() - before;
  return batch;
}

/// Each once in a run.
void Trainer::say_notes(const FinishedStep& step, const std::vector<std::string>& notes) {
  for (const std::string& note : notes)
    if (said_.insert(note).second) say(fmt::format("{}: {}", name_of(step), note));
}

/// A stage's end is an evaluation too.
bool Trainer::evaluates_now() const {
  return at_stage_end() || state_.total_step % run_.eval.every == 0;
}

bool Trainer::saves_now() const {
  return at_stage_end() || state_.total_step % run_.checkpoint_every == 0;
}

void Trainer::settle() {
  for (const FinishedStep& step : pending_.settle()) {
    const BalanceNews* const news = step.result.balance.get();
    if (news != nullptr) say_notes(step, news->notes);
    faults_.require_finite(step, model_->store());
    const StepReport& report = step.report;
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
    if (folder_ && news != nullptr && news->record)
      folder_->write(BalanceLine{report.phase, step.total_step, step.epoch, *news->record},
                     model_->task_names());
    if (observer_ != nullptr) observer_->on_step(report);
  }
}

void Trainer::finish_step() {
  if (due_ == Due::evaluation) {
    evaluate_and_keep_best();
    due_ = at_stage_end() ? Due::next_stage : Due::nothing;
    if (folder_ && at_stage_end())
      save(fmt::format("step-{}", state_.total_step));
    else if (folder_ && saves_now())
      save("last");
  }
  if (due_ == Due::next_stage) {
    enter(stage_after(state_.stage, model_->policy() != nullptr));
    due_ = Due::nothing;
    if (folder_) save("last");
  }
}

void Trainer::evaluate_and_keep_best() {
  const EvalSplit split = run_.eval.split;
  if (part_of(parts_, split).empty()) return;
  const auto results = evaluate_split(split, run_.eval.batches);
  const Phase phase = state_.stage == Stage::search ? Phase::weights : current_phase();
  // Chosen on validation data; the test split reports and never chooses.
  const bool counts = split != EvalSplit::test && state_.stage != Stage::search &&
                      learns_as_tested(*model_, state_.total_step);
  const bool stops = counts && out_of_patience(state_, run_, results);
  write_results(phase, split, results, stops);
  if (observer_ != nullptr) observer_->on_eval(state_.stage, split, results);
  const bool numbers = check_results(phase, split, results);
  if (stops) {
    say(stopped_text(state_, run_));
    state_.stopped[static_cast<size_t>(state_.stage)] = state_.step;
  }
  if (!numbers || split == EvalSplit::test) return;
  if (state_.stage == Stage::search)
    return note_best_logits(state_, run_, clock_, *model_->policy(), score(run_, results));
  if (state_.stage != Stage::retrain || !counts) return;
  if (run_.eval.best == Best::per_task) return keep_best_of_tasks(results);
  if (const auto place = note_best(state_, run_, score(run_, results)); place && folder_)
    save_best(*place);
}

/// All tasks' best networks lie in one checkpoint.
void Trainer::keep_best_of_tasks(const std::vector<TaskResult>& results) {
  const bool first = state_.best_step < 0;
  const std::vector<std::string> improved = note_best_of_tasks(state_, run_, results);
  if (improved.empty() || !folder_) return;
  save_best_of_tasks(folder_->checkpoint("best"), *model_, first ? model_->task_names() : improved,
                     {state_, print_run_file(run_), learned_});
}

bool Trainer::check_results(Phase phase, EvalSplit split, const std::vector<TaskResult>& results) {
  const auto fault = faults_.fault_in(results, phase, split, state_.total_step, model_->store());
  if (fault) say(*fault);
  return !fault;
}

std::vector<TaskResult> Trainer::evaluate_split(EvalSplit split, int64_t batches,
                                                std::vector<TaskDetail>* details) {
  return evaluate_on(part_of(parts_, split), batches, details);
}

std::vector<TaskResult> Trainer::evaluate_on(const std::vector<int64_t>& indices, int64_t batches,
                                             std::vector<TaskDetail>* details) {
  const StepInputs now = inputs_of(state_, clock_, run_, *model_, Phase::infer);
  BinaryPolicy fresh;
  const auto policy = [&](int64_t b) -> const BinaryPolicy* {
    if (model_->policy() == nullptr || state_.stage == Stage::warmup) return nullptr;
    if (!state_.chosen.select.empty()) return &state_.chosen;
    // As the official code: while the policy is learned, every batch sees a sample of its own.
    const auto index = static_cast<uint32_t>(state_.total_step * 1000 + b);
    fresh = model_->policy()->sample_binary(static_cast<uint64_t>(run_.seed), index, now.active);
    return &fresh;
  };
  return evaluate(context_, *model_, run_, data_, indices, policy, batches, details);
}

void Trainer::write_results(Phase phase, EvalSplit split, const std::vector<TaskResult>& results,
                            bool stops) {
  if (const auto routes = routes_text(run_, *model_)) say(name_of(split) + (": " + *routes));
  if (!folder_) return;
  for (const TaskResult& r : results) {
    std::vector<Metric> metrics = r.metrics;
    if (r.constant) metrics.push_back({constant_loss, r.constant, false});
    folder_->write(MetricsLine{phase, state_.total_step, 0, name_of(split), r.task, r.loss, metrics,
                               seconds_since(began_), r.faults, stops});
  }
}

RunSummary Trainer::summary(const std::vector<TaskResult>& results) const {
  return summarise(run_, data_, *model_, state_, measured(), results);
}

void Trainer::say(const std::string& line) {
  if (folder_) folder_->log(line);
  if (observer_ != nullptr) observer_->say(line);
}

}  // namespace weft
