// Costs of routes on the host, a surrogate on the tape.
#include "train/step/route_loss.h"

#include "engine/device_tensor.h"
#include "ops/cast.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/softmax.h"

namespace weft {

std::vector<Costs> costs_of(const InputRouting& model, const RunFile& run, const StepInputs& in,
                            const AnyContext& context, const std::vector<Decisions>& decisions) {
  Tape tape(context, Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{in.seed, in.step}};
  const auto outputs = model.run(pass, tape.constant(in.images.value()), decisions);
  const auto images = static_cast<size_t>(in.images.shape()[0]);
  std::vector<Costs> costs(decisions.size(), Costs(model.policies(), ImageLosses(images)));
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    const TaskSpec& task = run.tasks[k];
    if (task.weight == 0) continue;
    const Geometry geometry = geometry_of(model, k, in.images.shape());
    for (size_t d = 0; d < decisions.size(); ++d) {
      const ImageLosses losses = image_losses(
          task, run.semantics, cast(outputs[d][k], model.store().dtype()), in.targets[k], geometry);
      ImageLosses& sums = costs[d][model.policy_of(k)];
      for (size_t n = 0; n < losses.size(); ++n)
        if (losses[n]) sums[n] = sums[n].value_or(0) + task.weight * *losses[n];
    }
  }
  return costs;
}

std::optional<Var> route_loss(const InputRouting& model, const RunFile& run, const StepInputs& in,
                              const Var& logits, const Decisions& a) {
  Tape& tape = logits.tape();
  const Decisions likely = model.likely(to_host(tape.context(), logits.value()));
  const auto costs = costs_of(model, run, in, tape.context(), {a, likely});
  const size_t policies = a.size(), images = a[0].size(), blocks = a[0][0].size();
  const auto functions = static_cast<size_t>(logits.shape()[2]);
  std::vector<double> weights(static_cast<size_t>(logits.shape().numel()));
  bool any = false;
  for (size_t n = 0; n < images; ++n)
    for (size_t v = 0; v < policies; ++v) {
      if (!costs[0][v][n]) continue;
      any = true;
      // A gain that is no number reaches the loss, so that the step's verdict finds it.
      const double gain = *costs[0][v][n] - *costs[1][v][n];
      for (size_t l = 0; l < blocks; ++l) {
        const size_t row = (n * policies + v) * blocks + l;
        weights[row * functions + a[v][n][l] - 1] = gain / static_cast<double>(images);
      }
    }
  if (!any) return std::nullopt;
  const Tensor at = Tensor::from(logits.shape(), weights, logits.dtype());
  return sum(mul(tape.constant(to_device(tape.context(), at)), log_softmax(logits)));
}

std::optional<Var> router_loss(Tape& tape, const InputRouting& model, const RunFile& run,
                               const StepInputs& in) {
  if (model.phase_at(in.step) == PerInputPhase::full) return std::nullopt;
  Pass pass{tape, true, Noise{in.seed, in.step}};
  const Var logits = model.logits(pass, in.images);
  std::optional<Var> total = model.bonus(logits);
  if (model.estimator() == Estimator::gumbel) return total;
  const Decisions a = model.draw(to_host(tape.context(), logits.value()), pass.noise);
  const std::optional<Var> drawn = route_loss(model, run, in, logits, a);
  if (!drawn) return total;
  return total ? add(*total, *drawn) : drawn;
}

}  // namespace weft
