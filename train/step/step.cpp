// compute_step: sample, forward, losses, regularisers.
#include "train/step/step.h"

#include "ops/cast.h"
#include "ops/pointwise.h"
#include "ops/slice.h"
#include "train/step/reinforce.h"
#include "train/step/slope_loss.h"

namespace weft {
Tensor upload(const Tape& tape, const Tensor& host, DType dtype) {
  const Tensor converted =
      host.dtype() == dtype ? host : Tensor::from(host.shape(), host.to_vector(), dtype);
  return to_device(tape.context(), converted);
}

Var upload_images(Tape& tape, const Tensor& images, const Model& model, const RunFile& run) {
  if (const int64_t channels = images.shape()[3]; channels != run.model.in_channels)
    throw ConfigError(fmt::format("{}: model.in_channels is {}, the inputs have {} channels",
                                  run.place("model.in_channels"), run.model.in_channels, channels));
  const Var x = tape.constant(upload(tape, images, model.store().dtype()));
  return run.precision == Precision::bf16 && !x.value().on_host() ? cast(x, DType::bf16) : x;
}

void set_trainable(Model& model, Phase phase) {
  for (Parameter& p : model.store().parameters())
    p.trainable = phase != Phase::infer && !model.fixed(p) &&
                  (model.store().part_of(p) == Part::policy) == (phase == Phase::policy);
}

std::optional<PolicySample> sample_policy(Pass& pass, Model& model, const RunFile& run,
                                          const StepInputs& in) {
  Policy* policy = model.policy();
  if (policy == nullptr || in.phase == Phase::warmup) return std::nullopt;
  if (in.phase == Phase::weights || in.phase == Phase::policy)
    return policy->sample(pass, in.temperature, run.policy.hard, in.active,
                          run.semantics == Semantics::compat);
  if (in.chosen == nullptr) return std::nullopt;
  const bool drops =
      in.phase == Phase::retrain && run.retrain.gates == RetrainGates::stochastic_depth;
  const BinaryPolicy now =
      drops ? survivors(*in.chosen, model.task_names(), pass.noise) : *in.chosen;
  // The official code multiplies by 0 and 1: skipped blocks run and update batch norm.
  const bool run_skipped = run.semantics == Semantics::compat && in.phase == Phase::retrain;
  PolicySample sample;
  sample.gates = gates_of(now);
  if (now.weights.empty() && !run_skipped) return sample;
  for (size_t k = 0; k < sample.gates.size(); ++k) {
    std::vector<double> p;
    for (size_t l = 0; l < now.select[k].size(); ++l) {
      const double w = now.weights.empty() ? now.select[k][l] : now.weights[k][l];
      p.insert(p.end(), {w, 1 - w});
      if (run_skipped) sample.gates[k][l] = {Gate::Kind::soft};
    }
    const Tensor host = Tensor::from({policy->blocks(), 2}, p, DType::f64);
    sample.p.push_back(pass.tape.constant(upload(pass.tape, host, model.store().dtype())));
  }
  return sample;
}

StepOutputs compute_step(Tape& tape, Model& model, const RunFile& run, const StepInputs& in) {
  StepOutputs out;
  freeze_weights(model, in);
  Pass pass{tape, in.phase != Phase::infer, Noise{in.seed, in.step}};
  pass.norm_over_ranks = run.model.bn_sync;
  out.sample = sample_policy(pass, model, run, in);
  SlopeLoss slopes(run, in);
  out.predictions = model.forward(pass, slopes.images(), out.sample ? &*out.sample : nullptr);
  for (Var& prediction : out.predictions)  // losses and metrics are never coarser than the weights
    prediction = cast(prediction, model.store().dtype());
  slopes.differentiate(out.predictions, model.separate_inputs());
  // A term of weight 0 is no term: it would send gradients of zero, which weight decay and momentum
  // act on.
  const auto add_term = [&](const Var& loss, double weight) {
    if (weight == 0) return;
    const Var term = weight == 1 ? loss : scale(loss, weight);
    out.total = out.total ? *out.total + term : term;
  };
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    const TaskSpec& task = run.tasks[k];
    const int64_t rows = in.targets[k].shape()[0];
    if (rows == 0) {  // a task whose part has run out: its rows are blank
      out.losses.emplace_back();
      continue;
    }
    if (rows < out.predictions[k].shape()[0])
      out.predictions[k] = slice(out.predictions[k], 0, 0, rows);
    const LayerScope scope(task.name);
    out.losses.push_back(rank_loss(task, run.semantics, out.predictions[k], in.targets[k],
                                   geometry_of(model, k, in.images.shape()),
                                   in.shares != nullptr ? &in.shares->at(k) : nullptr));
    if (out.losses[k]) add_term(slopes.add_to(*out.losses[k], k, in.targets[k]), task.weight);
    if (out.losses[k] && in.phase == Phase::policy)
      if (const auto draw = model.policy()->surrogate(*out.sample, k, *out.losses[k]))
        add_term(*draw, task.weight);
  }
  if (in.phase != Phase::policy && in.phase != Phase::infer) {
    out.regulariser = model.regulariser(tape);
    if (auto loss = policy_loss(tape, model, run, in)) out.regulariser = loss;
    if (out.regulariser) out.total = out.total ? *out.total + *out.regulariser : out.regulariser;
  }
  if (in.phase == Phase::policy) {
    const bool compat = run.semantics == Semantics::compat;
    Policy& policy = *model.policy();
    out.sparsity = policy.sparsity_loss(tape, run.policy.sparsity_form, in.active);
    out.sharing = policy.sharing_loss(tape, compat, run.policy.depth_weights);
    add_term(*out.sparsity, run.policy.sparsity);
    if (policy.tasks() > 1) add_term(*out.sharing, run.policy.sharing);
  }
  return out;
}

}  // namespace weft
