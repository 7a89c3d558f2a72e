// TrainStep: forward, back, judge, update.
#include "train/step/train_step.h"

#include <functional>

#include "engine/device.h"
#include "engine/device_tensor.h"
#include "models/sharing/per_input.h"
#include "train/step/build.h"
#include "train/step/over_ranks.h"
#include "train/step/running.h"
#include "train/step/schedule.h"

namespace weft {
Update update_of(const RunFile& run, Phase phase, int64_t step) {
  if (phase == Phase::policy) return {run.policy.logits_clip_norm, 1.0};
  const PhaseSpec& spec = phase_spec(run, phase);
  return {spec.clip_norm, schedule_factor(spec.schedule, step, spec.steps)};
}

Culprit Judgement::culprit() const {
  auto place = static_cast<size_t>(verdict.item());
  if (place < tasks.size()) return {.task = tasks[place]};
  place -= tasks.size();
  if (total && place-- == 0) return {.total = true};
  if (place < gradients.size()) return {.gradient = gradients[place]};
  return {.norm = (place - gradients.size()) / 2};  // mean and variance of each
}

StepResult TrainStep::take(Model& model, Optimizer& optimizer, const StepInputs& in,
                           const Batch& batch, const Update& update, TaskBalance* balance) {
  StepResult result;
  if (balance != nullptr && !balance->acts(in)) balance = nullptr;
  set_trainable(model, in.phase);
  finite_.begin(running_of(model.store()),
                run_.on_nonfinite == OnNonfinite::skip || !is_asynchronous(context_));
  const Counters counters(model.store());
  const StepOutputs out = differentiate(model, optimizer, in, batch, balance);
  for (const auto& loss : out.losses)
    result.losses.push_back(loss ? fetch_later(context_, loss->value()) : Tensor());
  if (!run_.model.bn_sync) average_running_over_ranks(model.store());
  if (out.total) {
    if (!averaged_) average_over_ranks(context_, optimizer.parameters());
    if (update.clip_norm > 0) clip_grad_norm(context_, optimizer.parameters(), update.clip_norm);
    if (probe_ != nullptr) probe_->differentiated();
  }
  result.taken = judge(model, out, optimizer, result.judgement);
  if (!result.taken) {
    counters.restore();
  } else if (out.total) {
    optimizer.step(update.factor, finite_.verdict());
    if (in.phase == Phase::policy) model.policy()->stepped(result.losses);
    if (PerInput* own = per_input(model)) own->stepped();
  }
  if (balance != nullptr) {
    balance->finish(result.taken);
    if (balance->looks_back()) look_back(model, in, batch, *balance);
    result.notes = balance->take_notes();
    result.balance = balance->news();
  }
  if (probe_ != nullptr) probe_->after();
  model.store().clear_gradients();
  return result;
}

/// Forward and backward pass: losses, and gradients in the parameters.
StepOutputs TrainStep::differentiate(Model& model, const Optimizer& optimizer, StepInputs in,
                                     const Batch& batch, TaskBalance* balance) {
  in.targets = batch.targets;
  std::vector<LossShare> shares(run_.tasks.size());
  in.shares = &shares;
  averaged_ = false;
  StepOutputs out;
  std::optional<Tape> tape;
  const Counters counters(model.store());
  const auto work = [&] {
    // On a GPU this may be a second try (Repeated): nothing of the first is left.
    if (balance != nullptr) balance->begin();
    in.images = {};
    out = {};
    tape.reset();
    model.store().clear_gradients();
    counters.restore();
    tape.emplace(context_);
    tape->check_numbers(run_.debug);
    in.images = upload_images(*tape, batch.images, model, run_);
    if (probe_ != nullptr) probe_->before(in, batch);
    out = compute_step(*tape, model, run_, in);
    if (probe_ != nullptr) probe_->computed(in, out);
    // The one place where losses become gradients: back from their weighted sum, or as asked for.
    if (balance != nullptr) return balance->backward(*tape, model, in, out, batch.epoch);
    averaged_ = out.total && backward_over_ranks(*tape, *out.total, optimizer.parameters());
    tape.reset();
  };
  // These look at values on the way, which a recorded step cannot.
  const bool direct = run_.debug || probe_ != nullptr ||
                      (balance != nullptr && balance->watches(in)) || per_input(model) != nullptr;
  if (direct)
    work();
  else
    recorded_.of(in.phase, batch).run(work);
  if (balance != nullptr) balance->complete();
  return out;
}

/// Reads all numbers of the step. False: the host knows that one is none.
bool TrainStep::judge(Model& model, const StepOutputs& out, const Optimizer& optimizer,
                      Judgement& judgement) {
  std::vector<Tensor> values;
  for (size_t k = 0; k < out.losses.size(); ++k)
    if (out.losses[k]) {
      values.push_back(out.losses[k]->value());
      judgement.tasks.push_back(k);
    }
  judgement.total = out.total.has_value();
  if (out.total) values.push_back(out.total->value());
  for (const Parameter* p : optimizer.parameters())
    if (p->grad.defined()) {
      values.push_back(p->grad);
      judgement.gradients.push_back(p);
    }
  for (const Tensor& t : running_of(model.store())) values.push_back(t);
  finite_.judge(values);
  judgement.verdict = fetch_later(context_, finite_.verdict());
  if (is_asynchronous(context_)) {
    if (run_.on_nonfinite != OnNonfinite::skip)
      return true;          // the device knows, and is asked later
    synchronize(context_);  // whether the step counts decides the next one's bias correction
  }
  return judgement.finite();
}

}  // namespace weft
