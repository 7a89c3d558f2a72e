// TaskBalance: how a step's losses become gradients where [balance] asks for more than their sum.
// Of the m tasks that have a label in the batch and a weight, l_i = lambda_i L_i:
//   a method of losses:     p.grad = d(sum_i w_i l_i)/dp                 one pass, as without
//   a method of gradients:  p.grad = dl_i/dp where one task alone comes; what tasks share gets
//                           d = sum_i w_i g_i (or the method's own), g_i = dl_i/dp
// A weighting beside it turns l_i into v_i l_i first. Shared is a parameter that more than one task's
// prediction was computed from, whether the batch has their labels or not; balance.shared narrows it.
// What the way of sharing adds to the loss (soft, sluice) is no task's, and is added as it is. Logit
// steps never come here: the policy's loss weighs its tasks by lambda, as the paper's (docs/method.md
// section 9). State begins anew with each stage, as moments do, and stands still in a step that is
// not taken. Methods are asked in the stream (call_in_order), so that a GPU's host waits for nothing; one
// that foresees its weights is asked beside the forward pass and learns beside the pass back, so that
// the GPU does not wait either.
// Retained: the state; for moco, db_mtl and excess_mtl K rows of every shared parameter.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/balance/balance.h"
#include "models/balance/per_task_gradients.h"
#include "train/step/balance_record.h"
#include "train/step/step.h"
#include "train/step/task_balance_step.h"

namespace weft {

class TaskBalance {
 public:
  /// `run` has to outlive it.
  TaskBalance(const RunFile& run, const AnyContext& context);
  /// Waits for what is still to be asked.
  ~TaskBalance();
  TaskBalance(const TaskBalance&) = delete;
  TaskBalance& operator=(const TaskBalance&) = delete;
  /// Whether a run needs one at all.
  static bool wanted(const RunFile& run);

  /// Whether this step's gradients come from here; else they are the plain sum's.
  bool acts(const StepInputs& in) const;
  /// Whether this step looks at itself on the way, which no recorded step can (balance.watch).
  bool watches(const StepInputs& in) const;

  // A step's parts, in their order. Losses or gradients that are no numbers ask no method (one that
  // foresees has been asked, and learns nothing): the step's verdict shows what is wrong.
  /// Before a forward pass, of which it may be the second try: holds nothing of the first.
  void begin();
  /// From the losses back: gradients into Parameter::grad, or one for each task where they meet, and
  /// d of them where a Gram matrix is enough to know it. Reads nothing back, so it may be recorded.
  void backward(Tape& tape, Model& model, const StepInputs& in, const StepOutputs& out,
                int64_t epoch);
  /// d of methods that need more; waits for the device.
  void complete();
  /// The step's end: what was learned in it counts, or is forgotten with its record.
  void finish(bool taken);
  /// Whether a method learns from the losses of the same batch under the new weights.
  bool looks_back() const;
  /// Those losses, by task, where they were computed; undefined: none.
  void losses_after(const std::vector<Tensor>& losses);

  /// What was told at the beginning of a phase, if this step is that.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }
  /// Of the last step.
  std::shared_ptr<const BalanceNews> news() const { return {step_, &step_->news}; }

  /// State: the methods' vectors by name ("method.xi", "weighting.s"), and rows by parameter and
  /// task, on the host in the parameter's layout, undefined where there are none yet. Waits for the
  /// device.
  Balance::State state() const;
  void load_state(const Balance::State& state, const std::string& source);
  using Kept = std::map<std::string, std::vector<Tensor>>;
  const Kept& kept() const { return kept_; }
  void set_kept(Kept kept) { kept_ = std::move(kept); }
  bool keeps_rows() const { return method_->kept(); }

 private:
  bool weighs_losses() const;
  /// The method of losses, and what it is asked in a step.
  Balance& weigher() const { return weighting_ ? *weighting_ : *method_; }
  BalanceStep& asked_of(BalancedStep& step) const {
    return weighting_ ? step.weighting : step.method;
  }
  /// Whether losses have weights that are known before they are.
  bool foresees() const { return weighs_losses() && weigher().foresees(); }
  void forget();
  bool of_gradients() const { return method_->needs() != Balance::Needs::losses; }
  void see(const StepInputs& in, const StepOutputs& out, int64_t epoch);
  void fetch_losses();
  void weigh();
  void ask_weigher(BalancedStep& step, const Tensor& host);
  void learn_beside();
  void learn(BalancedStep& step) const;
  std::vector<std::optional<Var>> weighed(Tape& tape) const;
  void back_from(Tape& tape, const Var& total);
  void differentiate(Tape& tape, Model& model, const StepOutputs& out);
  void watch_plain(Model& model, const StepOutputs& out);
  std::vector<Parameter*> shared_of(Model& model, const StepOutputs& out) const;
  void tell(const std::vector<Parameter*>* shared);
  static std::vector<balance::Vector> ask(BalancedStep& step, Balance& method,
                                          const BalanceStep& question);
  std::vector<std::vector<Parameter*>> groups_of(Model& model) const;
  bool begin_gradients(BalancedStep& step, const ParameterGrams& grams,
                       const std::vector<Parameter*>& shared) const;
  std::vector<balance::Vector> weights_of(BalancedStep& step, const ParameterGrams& grams,
                                          const std::vector<Parameter*>& shared,
                                          const std::vector<std::vector<Parameter*>>& groups);
  void by_gram(Model& model);
  void by_rows();
  void absorb(const Parameter& p, const std::vector<Tensor>& rows);
  void by_elements(Parameter& p, const std::vector<Tensor>& rows) const;
  Balance::State own_state() const;

  const RunFile& run_;
  AnyContext context_;
  std::unique_ptr<Balance> method_, weighting_;  // no weighting: null
  Kept kept_, kept_new_;                         // before the step, and what it made of them
  std::shared_ptr<BalancedStep> step_ = std::make_shared<BalancedStep>();
  bool taken_ = false;
  Tensor weights_;                          // [K] lambda_i factors_i where the context computes
  std::optional<TaskGradients> gradients_;  // until d is known
  std::vector<std::string> notes_;
  std::optional<Phase> told_;  // the phase whose shared parameters were told
};

}  // namespace weft
