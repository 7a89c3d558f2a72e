// The trainer: warm-up by hard sharing, the search (weights and logits in turn on two parts of the
// training set), a chosen policy, re-training from scratch under it (docs/method.md section 5). A
// way of sharing without a policy trains once, by [retrain]. One TrainState says where it stands;
// stopped anywhere and resumed, it gives the same bits as if it had not been. The trainer joins what
// has subjects of its own: a step (train/step/train_step.h), stages (stage.h), the best step
// (best_step.h), patience (patience.h), the policy between search and re-training (policy_choice.h), losses on their way
// (pending_losses.h), numbers that are none (faults.h), the summary (summarise.h).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>

#include "data/split.h"
#include "train/loop/faults.h"
#include "train/loop/observer.h"
#include "train/loop/pending_losses.h"
#include "train/loop/stage.h"
#include "train/run_folder/run_folder.h"
#include "train/run_folder/summary.h"
#include "train/step/train_step.h"

namespace weft {

class Trainer {
 public:
  /// A run from its beginning, or one whose weights and policy resume() brings: nothing is taken
  /// from model.init, read from retrain.policy or chosen.
  enum class Begin { fresh, resumed };
  Trainer(RunFile run, const Dataset& data, AnyContext context, TrainObserver* observer = nullptr,
          Begin begin = Begin::fresh);
  ~Trainer();

  /// Writes into a new run folder from now on; without one, nothing is written.
  void start(const std::string& folder);
  /// Goes on from the last checkpoint of the folder, which is this run's from now on; or from one
  /// before it (last-1), which then is the last. `changes`, the key=value settings that this
  /// trainer's run file has and the checkpoint's has not, are written into the run's history.
  void resume(FolderLock folder, const std::string& name = "last",
              const std::vector<std::string>& changes = {});
  /// The same on the ranks that write nothing: all but the first.
  void follow(const std::string& folder, const std::string& name) { take_up(folder, name); }

  /// One training step, with what belongs to its end (evaluation, checkpoint, the next stage).
  /// False: the run was already done.
  bool step();
  /// To the end, then the test split and the summary. After a signal: a checkpoint, then Stopped.
  /// Where the first step fails, the folder that start() made is removed again.
  void run();
  /// Stands at step `step` of `stage` without training up to it (dumps, benchmarks, estimates).
  void jump(Stage stage, int64_t step);
  /// The policy that re-training executes from now on (edited by hand, or a benchmark's).
  void set_policy(BinaryPolicy policy) { state_.chosen = std::move(policy); }
  /// What the next step trains on, in place of the loader's batch.
  void set_next_batch(Batch batch) { next_batch_ = std::move(batch); }
  /// Those of the current stage.
  std::vector<Optimizer*> optimizers() const { return tools_.optimizers(); }
  /// Watches every step from inside; null: nobody.
  void set_probe(StepProbe* probe) { train_step_.set_probe(probe); }
  void save(const std::string& name) const;
  /// The network as it is becomes number `place` of the best, counted from 0.
  void save_best(size_t place) const;
  Phase current_phase() const { return phase_of(state_, clock_); }
  const SearchClock& clock() const { return clock_; }
  RunSummary summary(const std::vector<TaskResult>& results) const;

  const TrainState& state() const { return state_; }
  Model& model() { return *model_; }
  const AnyContext& context() const { return context_; }
  const RunFile& run_file() const { return run_; }
  const Parts& parts() const { return parts_; }
  /// Evaluates as the current stage does; 0 batches: all of the split.
  std::vector<TaskResult> evaluate_split(EvalSplit split, int64_t batches = 0,
                                         std::vector<TaskDetail>* details = nullptr);
  /// The same on samples of any part.
  std::vector<TaskResult> evaluate_on(const std::vector<int64_t>& indices, int64_t batches = 0,
                                      std::vector<TaskDetail>* details = nullptr);
  /// A picture for TensorBoard (log.tensorboard), values 0..1; without a folder nothing.
  void show(const std::string& name, const Picture& picture);
  /// Of the run so far, with what a resumed run had measured before.
  Measured measured() const;

 private:
  // Stages.
  void enter(Stage stage);
  void open_tools();
  void decide();
  std::string take_up(const std::string& folder, const std::string& name);
  void take_best();
  bool at_stage_end() const { return state_.step >= stage_steps(run_, state_, state_.stage); }

  // A step and its end.
  Batch next_batch(Phase phase);
  bool evaluates_now() const;
  bool saves_now() const;
  /// Waits for the losses and verdicts of all finished steps, and reports them in order.
  void settle();
  /// What the end of a step owes: evaluation, the next stage, a checkpoint. A stop can cut it.
  void finish_step();
  void evaluate_and_keep_best();
  void keep_best_of_tasks(const std::vector<TaskResult>& results);
  /// Whether all results are numbers; throws where they must be.
  bool check_results(Phase phase, EvalSplit split, const std::vector<TaskResult>& results);

  void run_to_end();
  void write_results(Phase phase, EvalSplit split, const std::vector<TaskResult>& results,
                     bool stops = false);
  void say(const std::string& line);
  void say_notes(const FinishedStep& step, const std::vector<std::string>& notes);

  RunFile run_;
  const Dataset& data_;
  AnyContext context_;
  TrainObserver* observer_;
  Parts parts_;
  std::unique_ptr<Model> model_;
  SearchClock clock_;
  TrainStep train_step_;
  PendingLosses pending_;
  Faults faults_;
  TrainState state_;
  Due due_ = Due::nothing;  ///< of the step before
  StageTools tools_;
  std::optional<Batch> next_batch_;
  std::optional<RunFolder> folder_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Measured measured_;
  LearnedFromData learned_;
  std::set<std::string> said_;  ///< notes of steps: each is said once
};

}  // namespace weft
