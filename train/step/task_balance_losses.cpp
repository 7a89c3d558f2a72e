// TaskBalance: weights of losses. A method that foresees them is asked beside the forward pass and learns
// beside the pass back; else the losses come over between the two, and the weights go back.
#include "engine/device.h"
#include "ops/pointwise.h"
#include "train/run_file/balance.h"
#include "train/step/task_balance.h"
#include "train/step/task_balance_step.h"

namespace weft {

/// Whether losses have their weights before the pass back begins.
bool TaskBalance::weighs_losses() const {
  return weighting_ != nullptr || (balances(run_) && !of_gradients());
}

void TaskBalance::fetch_losses() {
  for (const Var& loss : step_->losses)
    step_->fetched.push_back(on_its_way(context_, loss.value()));
}

/// w_i, or v_i, into weights_: behind the losses, or beside the forward pass.
void TaskBalance::weigh() {
  if (step_->tasks.empty()) return;
  if (!weights_.defined()) {
    weights_ = Tensor::empty({static_cast<int64_t>(run_.tasks.size())}, step_->losses[0].dtype(),
                             memory_of(context_));
    // Memory of the forward pass, which has to be through with it.
    if (foresees()) fork_beside(context_);
  }
  const Tensor host = host_room(context_, weights_.shape(), weights_.dtype());
  const auto queue = [&] {
    call_in_order(context_, [this, step = step_, host] { ask_weigher(*step, host); });
    copy_in_order(context_, weights_, host);
  };
  if (foresees()) {
    beside(context_, queue);
    join_beside(context_);
  } else {
    fetch_losses();
    queue();
  }
}

/// All that a step of losses does on the host before the pass back. Where the weights are foreseen, the
/// losses are on their way meanwhile, and not to be looked at.
void TaskBalance::ask_weigher(BalancedStep& step, const Tensor& host) {
  step.before = own_state();
  if (!foresees()) read_losses(step);
  step.asked = balance::finite(step.values);
  if (step.asked) {
    BalanceStep& asked = asked_of(step);
    asked = question(step);
    step.factors = ask(step, weigher(), asked)[0];
  }
  std::vector<double> weights(run_.tasks.size(), 0.0);
  for (size_t i = 0; i < step.tasks.size(); ++i)
    weights[step.tasks[i]] = step.lambdas[i] * step.factors[i];
  write_numbers(host, weights);
}

/// What a method that foresees its weights makes of the losses, beside the pass back.
void TaskBalance::learn_beside() {
  fork_beside(context_);
  beside(context_, [&] {
    fetch_losses();
    call_in_order(context_, [this, step = step_] {
      read_losses(*step);
      learn(*step);
    });
  });
}

void TaskBalance::learn(BalancedStep& step) const {
  if (!balance::finite(step.values)) return;
  BalanceStep& asked = asked_of(step);
  asked.losses = step.values;
  for (std::string& note : weigher().learn(asked)) step.news.notes.push_back(std::move(note));
}

/// One pass from a sum of losses.
void TaskBalance::back_from(Tape& tape, const Var& total) {
  if (foresees()) learn_beside();
  tape.backward(total, {.stop_at = {}, .retain = step_->watched});
  join_beside(context_);
}

/// By task, of all tasks: what is differentiated for those present.
std::vector<std::optional<Var>> TaskBalance::weighed(Tape& tape) const {
  std::vector<std::optional<Var>> out(run_.tasks.size());
  for (size_t i = 0; i < step_->tasks.size(); ++i) {
    const size_t k = step_->tasks[i];
    const Var& loss = step_->losses[i];
    out[k] =
        weighs_losses()
            ? loss * tape.constant(weights_.rows(static_cast<int64_t>(k), 1).reshaped(loss.shape()))
            : scale(loss, step_->lambdas[i]);
  }
  return out;
}

}  // namespace weft
