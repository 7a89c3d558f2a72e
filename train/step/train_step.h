// One training step, whole: sample and forward pass (compute_step), losses into gradients (by their
// weighted sum, or as [balance] says: task_balance.h), clipping, the verdict on all its numbers
// (finite.h), the update. It is taken whole or not at all: where a number is none, weights, moments,
// running statistics and what a balance has learned stay as they were.
#pragma once

#include <optional>
#include <vector>

#include "train/step/finite.h"
#include "train/step/optimizer.h"
#include "train/step/recorded_steps.h"
#include "train/step/step.h"
#include "train/step/task_balance.h"

namespace weft {

/// How a step of a phase updates: gradients are scaled to at most clip_norm (0: not), the learning
/// rate is its base times factor.
struct Update {
  double clip_norm = 0, factor = 1;
};
/// Of step `step` of the phase's stage. The logits' rate never changes, as in the official code.
Update update_of(const RunFile& run, Phase phase, int64_t step);

/// What of a step was no number: a task's loss, their sum, a gradient, a batch norm's running values.
struct Culprit {
  std::optional<size_t> task{};
  bool total = false;
  const Parameter* gradient = nullptr;
  std::optional<size_t> norm{};  ///< place among the store's statistics
};

/// The verdict on a step and what it is on, in the order in which that was read.
struct Judgement {
  Tensor verdict;             ///< host i32 [1]; of a GPU, there after the next synchronize()
  std::vector<size_t> tasks;  ///< whose losses were read
  bool total = false;         ///< whether their sum was
  std::vector<const Parameter*> gradients;

  bool finite() const { return verdict.item() == all_finite; }
  /// Of a step that is not finite.
  Culprit culprit() const;
};

struct StepResult {
  std::vector<Tensor> losses;  ///< per task, on the host as the verdict; undefined: no label
  Judgement judgement;
  /// False: it was left out. On a GPU with on_nonfinite = "stop" the host does not ask, the device
  /// knows: the step was taken where the judgement is finite.
  bool taken = true;
  std::vector<std::string> notes;              ///< of [balance], in sentences
  std::shared_ptr<const BalanceNews> balance;  ///< null: none; to be read when the losses are
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

class TrainStep {
 public:
  /// `run` has to outlive it.
  TrainStep(const RunFile& run, const AnyContext& context)
      : run_(run), context_(context), finite_(context), recorded_(context) {}

  /// `in`: all but images and targets, which are the batch's. `balance`: null where a run needs none.
  StepResult take(Model& model, Optimizer& optimizer, const StepInputs& in, const Batch& batch,
                  const Update& update, TaskBalance* balance = nullptr);
  /// Watches every step from inside; null: nobody.
  void set_probe(StepProbe* probe) { probe_ = probe; }

 private:
  StepOutputs differentiate(Model& model, const Optimizer& optimizer, StepInputs in,
                            const Batch& batch, TaskBalance* balance);
  void look_back(Model& model, StepInputs in, const Batch& batch, TaskBalance& balance);
  bool judge(Model& model, const StepOutputs& out, const Optimizer& optimizer,
             Judgement& judgement);

  const RunFile& run_;
  AnyContext context_;
  FiniteStep finite_;
  RecordedSteps recorded_;
  StepProbe* probe_ = nullptr;
  bool averaged_ = false;  ///< the step's gradients were, over ranks, on the way back
};

}  // namespace weft
