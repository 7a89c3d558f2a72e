// compare_steps: the same batches, parameters and noise through a whole step of every phase, each
// way. Gradients are judged by each way's best batch. A unit whose input is nearly 0 may round to
// either side of a ReLU in any f32, and then moves all gradients before it by 1e-4 to 1e-2; in the
// built-in run that happens in half of the batches, on a CPU and on a GPU, and says nothing of
// their arithmetic. The middle one is shown beside it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "data/split.h"
#include "train/compare/ceiling.h"
#include "train/compare/compare.h"
#include "train/step/build.h"
#include "train/step/step.h"

namespace weft {
namespace {

constexpr double temperature = 2, least_loss_bound = 1e-6;
/// Rounding alone leaves the CPU's f32 gradients closer to f64 than this.
constexpr double most_rounding = 5e-5;
constexpr uint32_t step_number = 3;

/// What one step found, on the host.
struct Found {
  Measure loss;
  std::vector<std::pair<std::string, std::vector<double>>> gradients;
};

class Network {
 public:
  Network(const Way& way, RunFile run) : way_(way), run_(std::move(run)) {
    run_.device = way.device;
    run_.precision = way.precision;
    model_ = make_model(way.on->context(), run_);
    blocks_ = model_->trunk().blocks();
    const Policy* learned = model_->policy();
    policy_ = alternating_policy(run_.tasks.size(), blocks_, learned ? learned->most() : 1,
                                 learned ? learned->least() : 0);
  }

  bool has_policy() { return model_->policy() != nullptr; }

  Found step(Phase phase, const Batch& batch) {
    set_trainable(*model_, phase);
    const bool infer = phase == Phase::infer;
    const AnyContext context = way_.on->context();
    Tape tape(context, infer ? Tape::Mode::no_grad : Tape::Mode::train);
    const StepInputs in{phase,
                        static_cast<uint64_t>(run_.seed),
                        step_number,
                        temperature,
                        blocks_,
                        &policy_,
                        upload_images(tape, batch.images, *model_, run_),
                        batch.targets};
    const StepOutputs out = compute_step(tape, *model_, run_, in);
    Found found;
    if (!out.total) return found;
    found.loss = to_host(context, out.total->value()).item();
    if (infer) return found;
    tape.backward(*out.total);
    for (Parameter& p : model_->store().parameters())
      if (p.grad.defined())
        found.gradients.emplace_back(p.name, to_host(context, p.grad).to_vector());
    model_->store().clear_gradients();
    return found;
  }

  double milliseconds(Phase phase, const Batch& batch) {
    return least_milliseconds(
        way_.on->context(), 3, [&] { step(phase, batch); }, 1);
  }

 private:
  const Way& way_;
  RunFile run_;
  std::unique_ptr<Model> model_;
  int blocks_ = 0;
  BinaryPolicy policy_;
};

/// size of a difference / size; what is exactly 0 is met by 0 alone.
double relative(double apart, double size) {
  if (size != 0) return apart / size;
  return apart == 0 ? 0 : std::numeric_limits<double>::infinity();
}

/// All gradients as one vector; absent where there are none.
Measure gradient_error(const Found& a, const Found& b) {
  double apart = 0, size = 0;
  for (size_t i = 0; i < b.gradients.size(); ++i)
    for (size_t j = 0; j < b.gradients[i].second.size(); ++j) {
      const double d = a.gradients.at(i).second.at(j) - b.gradients[i].second[j];
      apart += d * d;
      size += b.gradients[i].second[j] * b.gradients[i].second[j];
    }
  if (b.gradients.empty()) return std::nullopt;
  return std::sqrt(relative(apart, size));
}

std::vector<std::pair<std::string, double>> worst_three(const Found& a, const Found& b) {
  std::vector<std::pair<std::string, double>> all;
  for (size_t i = 0; i < b.gradients.size(); ++i)
    all.emplace_back(b.gradients[i].first,
                     error_between(a.gradients.at(i).second, b.gradients[i].second).relative);
  std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) {  // a NaN is the worst
    const bool nan_x = std::isnan(x.second), nan_y = std::isnan(y.second);
    return nan_x != nan_y ? nan_x : x.second > y.second;
  });
  if (all.size() > 3) all.resize(3);
  return all;
}

StepError measure(const Way& way, Phase phase, const std::vector<Found>& found,
                  const std::vector<Found>& exact) {
  StepError e;
  e.phase = name_of(phase);
  e.way = way.name;
  std::vector<double> losses, gradients;
  std::vector<size_t> batches;  // that the gradients are of
  for (size_t i = 0; i < found.size(); ++i) {
    if (!exact[i].loss || !found[i].loss) continue;  // a batch without any label
    losses.push_back(relative(std::abs(*found[i].loss - *exact[i].loss), std::abs(*exact[i].loss)));
    if (const Measure error = gradient_error(found[i], exact[i])) {
      gradients.push_back(*error);
      batches.push_back(i);
    }
  }
  if (losses.empty())
    throw DataError("compare: no batch has a label, so there is no loss to compare");
  e.loss = losses[least_and_middle(losses).middle];
  if (gradients.empty()) return e;
  const auto [least, middle] = least_and_middle(gradients);
  e.gradients = gradients[least];
  e.middle = gradients[middle];
  e.worst = worst_three(found[batches[least]], exact[batches[least]]);
  return e;
}

}  // namespace

LeastAndMiddle least_and_middle(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i : order)
    if (!std::isfinite(values[i])) return {i, i};
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t x, size_t y) { return values[x] < values[y]; });
  return {order[0], order[order.size() / 2]};
}

void compare_steps(Comparison& comparison, const RunFile& run, const Dataset& data, int batches,
                   const Saying& say) {
  Loader loader(data, make_parts(data).train, train_loader_options(run, data, "train", 0));
  std::vector<Batch> inputs;
  for (int i = 0; i < batches; ++i) inputs.push_back(loader.next());
  std::vector<std::unique_ptr<Network>> networks;
  for (const Way& way : comparison.ways) networks.push_back(std::make_unique<Network>(way, run));
  std::vector<Phase> phases = {Phase::retrain, Phase::infer};  // where no policy is learned
  if (networks[0]->has_policy())
    phases.insert(phases.begin(), {Phase::warmup, Phase::weights, Phase::policy});
  // Errors first, of every phase: a step moves the running statistics that infer uses, and times
  // take different numbers of steps.
  for (const Phase phase : phases) {
    say(fmt::format("a step of {}", name_of(phase)));
    std::vector<Found> exact;
    StepError of_cpu;
    for (size_t w = 0; w < networks.size(); ++w) {
      std::vector<Found> found;
      for (const Batch& batch : inputs) found.push_back(networks[w]->step(phase, batch));
      if (w == 0) exact = found;
      StepError e = measure(comparison.ways[w], phase, found, exact);
      if (w == 0) e.worst.clear();  // it is held against itself
      if (e.way == "cpu f32") of_cpu = e;
      if (e.way == "cuda f32") {
        // In a large network some unit flips in every batch: there is nothing to judge by.
        if (of_cpu.gradients && *of_cpu.gradients < most_rounding) e.bound = 2 * *of_cpu.gradients;
        e.loss_bound = std::max(2 * of_cpu.loss, least_loss_bound);
      }
      comparison.steps.push_back(e);
    }
  }
  for (StepError& e : comparison.steps)
    for (size_t w = 0; w < networks.size(); ++w)
      for (const Phase phase : phases)
        if (e.way == comparison.ways[w].name && e.phase == name_of(phase))
          e.ms = networks[w]->milliseconds(phase, inputs[0]);
}

}  // namespace weft
