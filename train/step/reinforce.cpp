// REINFORCE: rewards on the host, a surrogate on the tape.
#include "train/step/reinforce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/device_tensor.h"
#include "ops/cast.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "train/step/image_losses.h"
#include "train/step/route_loss.h"

namespace weft {
namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

/// Whether the label of a whole image is predicted.
bool predicted(const TaskSpec& task, const std::vector<double>& output, double label) {
  if (task.kind == TaskKind::binary) return (output[0] > 0) == (label > 0.5);
  const auto best = std::max_element(output.begin(), output.end()) - output.begin();
  return static_cast<double>(best) == label;
}

bool has_correct(const TaskSpec& task) {
  return task.kind == TaskKind::classification || task.kind == TaskKind::binary;
}

/// Loss of each image, or for a task that knows 'correct' 0 and 1 (wrong); nullopt: no label.
ImageLosses errors_of(const TaskSpec& task, const RunFile& run, const Var& prediction,
                      const Tensor& target, const Geometry& geometry) {
  const int64_t images = target.shape()[0];
  ImageLosses out;
  if (has_correct(task)) {
    const std::vector<double> values =
        to_host(prediction.tape().context(), prediction.value()).to_vector();
    const auto each = values.size() / static_cast<size_t>(prediction.shape()[0]);
    for (int64_t n = 0; n < images; ++n) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(n * int64_t(each));
      const double label = target.data<float>()[n];
      const std::vector<double> own(begin, begin + static_cast<std::ptrdiff_t>(each));
      out.emplace_back();
      if (std::isnan(label)) continue;
      out.back() = !all_finite(own) ? no_number : predicted(task, own, label) ? 0 : 1;
    }
    return out;
  }
  return image_losses(task, run.semantics, prediction, target, geometry);
}

/// 1 - (share of blocks executed)^2
double saved(const std::vector<uint8_t>& decisions) {
  double executed = 0;
  for (const uint8_t u : decisions) executed += u != 0;
  const double share = executed / static_cast<double>(decisions.size());
  return 1 - share * share;
}

Decisions every_block(const Decisions& like) {
  Decisions all = like;
  for (auto& policy : all)
    for (auto& image : policy) std::fill(image.begin(), image.end(), uint8_t{1});
  return all;
}

}  // namespace

std::vector<Rewards> rewards_of(const BlockDrop& model, const RunFile& run, const StepInputs& in,
                                const AnyContext& context,
                                const std::vector<Decisions>& decisions) {
  Tape tape(context, Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{in.seed, in.step}};
  std::vector<Decisions> all = decisions;
  all.push_back(every_block(decisions.at(0)));
  const auto outputs = model.run(pass, tape.constant(in.images.value()), all);
  const size_t policies = model.policies(), images = decisions[0][0].size();
  std::vector<Rewards> sums(decisions.size(), Rewards(policies, ImageLosses(images)));
  std::vector<std::vector<double>> weights(policies, std::vector<double>(images, 0));
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    const TaskSpec& task = run.tasks[k];
    const size_t v = model.policy_of(k);
    const double weight = policies > 1 ? 1 : task.weight;
    const Geometry geometry = geometry_of(model, k, in.images.shape());
    if (weight == 0) continue;
    std::vector<ImageLosses> errors;
    for (const auto& of : outputs)
      errors.push_back(
          errors_of(task, run, cast(of[k], model.store().dtype()), in.targets[k], geometry));
    for (size_t n = 0; n < errors[0].size(); ++n) {
      if (!errors.back()[n]) continue;
      const double full = *errors.back()[n];
      const double allowed = has_correct(task) ? 0 : full * (1 + run.share.slack);
      weights[v][n] += weight;
      for (size_t d = 0; d < decisions.size(); ++d) {
        const double error = *errors[d][n];
        const double reward = !std::isfinite(full) || !std::isfinite(error) ? no_number
                              : error <= allowed ? saved(decisions[d][v][n])
                                                 : -run.share.penalty;
        sums[d][v][n] = sums[d][v][n].value_or(0) + weight * reward;
      }
    }
  }
  for (Rewards& rewards : sums)
    for (size_t v = 0; v < policies; ++v)
      for (size_t n = 0; n < images; ++n)
        if (rewards[v][n]) *rewards[v][n] /= weights[v][n];
  return sums;
}

std::optional<Var> reinforce_loss(const BlockDrop& model, const RunFile& run, const StepInputs& in,
                                  const Var& chances, const Decisions& u, int active) {
  Tape& tape = chances.tape();
  const Tensor host = to_host(tape.context(), chances.value());
  const auto rewards = rewards_of(model, run, in, tape.context(), {u, model.likely(host, active)});
  const size_t policies = u.size(), images = u[0].size(), blocks = u[0][0].size();
  const double each = 1 / static_cast<double>(images);
  // Weights of log p, of log(1 - p), and of the entropy's p log p + (1 - p) log(1 - p).
  std::vector<double> of_select, of_skip, of_entropy;
  bool any = false;
  for (size_t n = 0; n < images; ++n)
    for (size_t v = 0; v < policies; ++v) {
      const bool labelled = rewards[0][v][n].has_value();
      // A gain that is no number reaches the loss, so that the step's verdict finds it.
      const double gain = labelled ? *rewards[0][v][n] - *rewards[1][v][n] : 0;
      any = any || labelled;
      for (size_t l = 0; l < blocks; ++l) {
        const bool learns = labelled && l + static_cast<size_t>(active) >= blocks;
        const bool select = u[v][n][l] != 0;
        of_select.push_back(learns && select ? -gain * each : 0);
        of_skip.push_back(learns && !select ? -gain * each : 0);
        of_entropy.push_back(learns ? run.share.entropy * each : 0);
      }
    }
  if (!any) return std::nullopt;
  const auto constant = [&](const std::vector<double>& values) {
    const Tensor at = Tensor::from(chances.shape(), values, chances.dtype());
    return tape.constant(to_device(tape.context(), at));
  };
  const Var skip = shift(neg(chances), 1), by = constant(of_entropy);
  return sum(add(mul(add(constant(of_select), mul(by, chances)), log(chances)),
                 mul(add(constant(of_skip), mul(by, skip)), log(skip))));
}

void freeze_weights(Model& model, const StepInputs& in) {
  const PerInput* own = per_input(model);
  if (own == nullptr || in.phase == Phase::infer || own->phase_at(in.step) != PerInputPhase::policy)
    return;
  for (Parameter& p : model.store().parameters())
    p.trainable = p.trainable && model.store().part_of(p) == Part::sharing;
}

std::optional<Var> policy_loss(Tape& tape, Model& model, const RunFile& run, const StepInputs& in) {
  if (const InputRouting* router = input_routing(model)) return router_loss(tape, *router, run, in);
  const BlockDrop* own = blockdrop(model);
  if (own == nullptr || own->phase_at(in.step) == PerInputPhase::full) return std::nullopt;
  Pass pass{tape, true, Noise{in.seed, in.step}};
  const int active = own->active_at(in.step);
  const Var chances = own->probabilities(pass, in.images);
  const Decisions u = own->draw(to_host(tape.context(), chances.value()), pass.noise, active);
  return reinforce_loss(*own, run, in, chances, u, active);
}

}  // namespace weft
