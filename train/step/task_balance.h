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
// not taken. Retained: the state; for moco, db_mtl and excess_mtl K rows of every shared parameter.
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
  /// Whether a run needs one at all.
  static bool wanted(const RunFile& run);

  /// Whether this step's gradients come from here; else they are the plain sum's.
  bool acts(const StepInputs& in) const;
  /// Whether this step looks at itself on the way, which no recorded step can (balance.watch).
  bool watches(const StepInputs& in) const;
  /// Whether losses have their weights before the pass back begins.
  bool weighs_losses() const;

  // A step's parts, in their order. On a GPU see() and differentiate() may be recorded, as they read
  // nothing back; the other two wait for the device, once each. Losses or gradients that are no
  // numbers ask no method: the plain sum's gradients then show the step's verdict what is wrong.
  /// Before a forward pass, of which it may be the second try: holds nothing of the first.
  void forget();
  /// Behind the forward pass: what there is to weigh.
  void see(const StepInputs& in, const StepOutputs& out, int64_t epoch);
  /// Queues the losses' way to the host.
  void fetch();
  /// Where weighs_losses(): w_i, or v_i, into numbers on the device. Allocates nothing there.
  void weigh();
  /// From the losses back: gradients into Parameter::grad, or one for each task where they meet.
  void differentiate(Tape& tape, Model& model, const StepOutputs& out);
  /// What tasks share gets its d.
  void combine(Model& model);
  /// All of them in turn.
  void backward(Tape& tape, Model& model, const StepInputs& in, const StepOutputs& out,
                int64_t epoch);
  /// Whether losses_after() wants the losses of the same batch, under the new weights.
  bool looks_back() const;
  void losses_after(const std::vector<std::optional<double>>& losses);
  /// The step's end: what was learned in it counts, or is forgotten with its record.
  void finish(bool taken);

  /// Of the last step: sentences, and what balance.watch asks for in every n-th.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }
  std::optional<BalanceRecord> take_record() { return std::exchange(record_, {}); }

  /// State: the methods' vectors by name ("method.xi", "weighting.s"), and rows by parameter and
  /// task, on the host in the parameter's layout, undefined where there are none yet.
  Balance::State state() const;
  void load_state(const Balance::State& state, const std::string& source);
  using Kept = std::map<std::string, std::vector<Tensor>>;
  const Kept& kept() const { return kept_; }
  void set_kept(Kept kept) { kept_ = std::move(kept); }
  bool keeps_rows() const { return method_->kept(); }

 private:
  bool of_gradients() const { return method_->needs() != Balance::Needs::losses; }
  std::vector<std::optional<Var>> weighed(Tape& tape) const;
  void watch_plain(Model& model, const StepOutputs& out);
  std::vector<Parameter*> shared_of(Model& model, const StepOutputs& out) const;
  void tell(const std::vector<Parameter*>* shared);
  void read_losses();
  BalanceStep step_of(const std::vector<double>& factors) const;
  std::vector<balance::Vector> ask(Balance& method, const BalanceStep& step);
  std::vector<std::vector<Parameter*>> groups_of(Model& model) const;
  void by_gram(Model& model);
  void by_rows();
  void absorb(const Parameter& p, const std::vector<Tensor>& rows);
  void by_elements(Parameter& p, const std::vector<Tensor>& rows) const;
  void note_weights(const std::vector<double>& w);
  void record(const TaskGradients& g);

  const RunFile& run_;
  AnyContext context_;
  std::unique_ptr<Balance> method_, weighting_;  // no weighting: null
  Kept kept_, kept_new_;                         // before the step, and what it made of them
  Balance::State before_;
  BalanceStep method_step_, weighting_step_;
  PresentTasks now_;
  std::vector<double> factors_;             // [m] w_i of a method of losses, or v_i
  Tensor weights_;                          // [K] lambda_i factors_i where the context computes
  std::optional<TaskGradients> gradients_;  // between differentiate() and combine()
  bool asked_ = false;                      // whether the step's weights are the methods' own
  std::vector<std::string> notes_;
  std::optional<BalanceRecord> record_;
  std::optional<Phase> told_;  // the phase whose shared parameters were told
};

}  // namespace weft
