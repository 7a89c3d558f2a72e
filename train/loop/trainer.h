// The trainer: warm-up by hard sharing, the search (weights and logits in turn on two parts of the
// training set), a drawn policy, re-training from scratch under it (docs/method.md section 5). A
// way of sharing without a policy trains once, by [retrain]. One TrainState says where it stands;
// stopped anywhere and resumed, it gives the same bits as if it had not been.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "data/split.h"
#include "train/run_folder/run_folder.h"
#include "train/run_folder/summary.h"
#include "train/step/build.h"
#include "train/step/device.h"
#include "train/step/evaluate.h"
#include "train/step/finite.h"

namespace weft {

/// What a finished step tells: losses per task, absent where the batch had no label.
struct StepReport {
  Stage stage = Stage::warmup;
  Phase phase = Phase::warmup;
  int64_t step = 0, steps = 0;  ///< of the stage
  std::vector<Measure> losses;
};

/// Whoever shows progress; every call comes from the training thread.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void on_step(const StepReport&) {}
  virtual void on_eval(Stage, const std::string& /*split*/, const std::vector<TaskResult>&) {}
  virtual void say(const std::string& /*line*/) {}
};

/// Sees a step as it happens: the dump's way in.
class StepProbe {
 public:
  virtual ~StepProbe() = default;
  virtual void before(const StepInputs&, const Batch&) {}
  virtual void computed(const StepInputs&, const StepOutputs&) {}
  virtual void differentiated() {}  ///< gradients are there, the optimizer has not stepped
  virtual void after() {}
};

class Trainer {
 public:
  /// A run from its beginning, or one whose weights and policy resume() brings: nothing is taken
  /// from model.init, read from retrain.policy or drawn.
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

  /// One training step, with what belongs to its end (evaluation, checkpoint, the next stage).
  /// False: the run was already done.
  bool step();
  /// To the end, then the test split and the summary. After a signal: a checkpoint, then Stopped.
  /// Where the first step fails, the folder that start() made is removed again.
  void run();
  /// Stands at step `step` of `stage` without training up to it (dumps, benchmarks, estimates).
  void jump(Stage stage, int64_t step);
  /// The policy that re-training executes from now on (edited by hand, or a benchmark's).
  void set_drawn(DrawnPolicy policy) { state_.drawn = std::move(policy); }
  /// What the next step trains on, in place of the loader's batch.
  void set_next_batch(Batch batch) { next_batch_ = std::move(batch); }
  /// Those of the current stage.
  std::vector<Optimizer*> optimizers() const;
  /// Watches every step from inside; null: nobody.
  void set_probe(StepProbe* probe) { probe_ = probe; }
  void save(const std::string& name) const;
  Phase current_phase() const;
  const SearchClock& clock() const { return clock_; }
  RunSummary summary(const std::vector<TaskResult>& results) const;

  const TrainState& state() const { return state_; }
  Model& model() { return *model_; }
  const AnyContext& context() const { return context_; }
  const RunFile& run_file() const { return run_; }
  const Parts& parts() const { return parts_; }
  /// Evaluates as the current stage does; `split` is val, test or train; 0 batches: all of it.
  std::vector<TaskResult> evaluate_split(const std::string& split, int64_t batches = 0);
  /// The same on samples of any part.
  std::vector<TaskResult> evaluate_on(const std::vector<int64_t>& indices, int64_t batches = 0);
  /// Seconds that steps waited for data, and seconds spent in steps.
  double waited_seconds() const { return measured_.waited; }
  double step_seconds() const;
  /// Of the run so far, with what a resumed run had measured before.
  Measured measured() const;

 private:
  int64_t stage_steps(Stage stage) const;
  SearchClock search_clock() const;
  void enter(Stage stage);
  void open_loaders();
  void draw_policy();
  void write_drawn();
  void keep_best_policy(double now);
  void recall_best_policy();
  std::string take_pretrained(Model& model) const;
  void forget_lost_best();
  void forget_later_tasks(const TrainState& saved);
  void recall_best();
  StepInputs step_inputs(Phase phase) const;
  /// A finished step whose losses may still be on their way from a GPU.
  struct Pending {
    StepReport report;
    int64_t total_step = 0, epoch = 0;
    double seconds = 0;
    std::vector<Tensor> losses;  ///< per task; undefined: the batch had no label
    Tensor verdict{};            ///< train/step/finite.h, on what follows, in this order
    std::vector<size_t> judged_tasks{};
    bool judged_total = false;
    std::vector<const Parameter*> judged{};
    std::vector<std::string> keys{};  ///< of the batch's samples
    bool skipped = false;
  };
  /// Forward and backward pass: losses, and gradients in the parameters.
  StepOutputs differentiate(Phase phase, const Batch& batch);
  Repeated& repeated(Phase phase, const Batch& batch);
  bool at_evaluation() const;
  bool at_checkpoint() const;
  /// Waits for the losses and verdicts of all pending steps, and reports them in order.
  void settle();
  /// Around a step (trainer_faults.cpp): keeps what it may have to give back; then reads all its
  /// numbers. False: it is skipped. Throws where it stops the run, on a GPU from settle().
  void begin_judged();
  bool judge(Pending& step, const StepOutputs& out, const Optimizer& optimizer);
  std::string culprit(const Pending& step) const;
  std::string data_of(const Pending& step) const;
  std::string way_on(Phase phase, const Parameter* parameter) const;
  std::string explain(const Pending& step) const;
  /// Whether all results are numbers; throws where they must be.
  bool check_results(Phase phase, const std::string& split, const std::vector<TaskResult>& results);
  void after_step();
  /// What the end of a step owes: evaluation, the next stage, a checkpoint. A stop can cut it.
  void finish_step();
  void run_to_end();
  void evaluate_and_keep_best();
  void keep_best_of_tasks(const std::vector<TaskResult>& results);
  void write_results(Phase phase, const std::string& split, const std::vector<TaskResult>& results);
  void write_search_line();
  void say(const std::string& line);
  double seconds() const;

  RunFile run_;
  const Dataset& data_;
  AnyContext context_;
  TrainObserver* observer_;
  StepProbe* probe_ = nullptr;
  std::optional<Batch> next_batch_;
  std::vector<Pending> pending_;
  Parts parts_;
  std::unique_ptr<Model> model_;
  SearchClock clock_;
  FiniteStep finite_;
  TrainState state_;
  Due due_ = Due::nothing;  ///< of the step before
  std::unique_ptr<Optimizer> weights_optimizer_, logits_optimizer_;
  std::map<std::pair<Phase, std::vector<bool>>, Repeated> repeated_;  // by the tasks with labels
  std::unique_ptr<Loader> loader_, policy_loader_;
  std::optional<RunFolder> folder_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Measured measured_;
  LearnedFromData learned_;
};

}  // namespace weft
