// Faults: sentences, and what stops a run.
#include "train/loop/faults.h"

#include <algorithm>
#include <cmath>

#include "engine/ranks.h"
#include "train/step/build.h"

namespace weft {
namespace {

constexpr size_t most_named = 4;

bool finite(const Picture& picture) {
  return std::all_of(picture.pixels.begin(), picture.pixels.end(),
                     [](float v) { return std::isfinite(v); });
}

}  // namespace

std::string table_of(Phase phase) {
  return phase == Phase::policy    ? "policy.logits"
         : phase == Phase::weights ? "policy"
                                   : name_of(phase);
}

void Faults::require_finite(const FinishedStep& step, const ParameterStore& store) const {
  if (step.result.taken && !step.result.judgement.finite())
    throw NumericError(fmt::format("{}: {}", name_of(step), explain(step, store)));
}

std::string Faults::leave_out(const FinishedStep& step, const ParameterStore& store,
                              TrainState& state) const {
  if (run_.on_nonfinite != OnNonfinite::skip)
    throw NumericError(fmt::format("{}: {}", name_of(step), explain(step, store)));
  ++state.skipped;
  if (++state.skipped_in_row >= most_skipped)
    throw NumericError(fmt::format("{}: {} steps in a row were skipped; the last one: {}",
                                   name_of(step), most_skipped, explain(step, store)));
  return fmt::format("{}: skipped: {}{}", name_of(step), culprit(step, store), data_of(step));
}

std::string Faults::culprit(const FinishedStep& step, const ParameterStore& store) const {
  const Culprit bad = step.result.judgement.culprit();
  if (bad.task)
    return fmt::format("the loss of task '{}' is {}", run_.tasks[*bad.task].name,
                       fixed_text(step.result.losses[*bad.task].item(), 4));
  if (bad.total) return "the summed loss is NaN or infinite, though each task's is finite";
  if (bad.gradient != nullptr)
    return fmt::format("the gradient of '{}' holds NaN or infinity", bad.gradient->name);
  return fmt::format("the running values of batch norm '{}' became NaN or infinite",
                     store.stats().at(bad.norm.value()).name);
}

/// The batch's data: which of it hold what no number is, else which they are.
std::string Faults::data_of(const FinishedStep& step) const {
  if (step.keys.empty()) return "";
  std::vector<std::string> bad;
  for (int64_t i = 0; i < data_.size() && bad.empty(); ++i) {
    if (std::find(step.keys.begin(), step.keys.end(), data_.key(i)) == step.keys.end()) continue;
    if (!finite(data_.load(i).image)) bad.push_back(data_.key(i));
  }
  if (!bad.empty())
    return fmt::format("; the input of '{}' holds NaN or infinity: mend it or leave it out",
                       bad[0]);
  const size_t named = std::min(step.keys.size(), most_named);
  const Ranks& ranks = current_ranks();  // each knows its own rows
  std::string text = fmt::format(
      "; {} '{}'",
      ranks.alone() ? "the batch was"
                    : fmt::format("rank {}'s rows of the batch were", ranks.rank()),
      fmt::join(step.keys.begin(), step.keys.begin() + static_cast<int64_t>(named), "', '"));
  if (named < step.keys.size()) text += fmt::format(" and {} more", step.keys.size() - named);
  return text;
}

/// What to try: the keys that this phase obeys, and how to go on from the last checkpoint.
std::string Faults::way_on(Phase phase, const ParameterStore& store,
                           const Parameter* parameter) const {
  const bool logits = phase == Phase::policy;
  const PhaseSpec& spec = phase_spec(run_, phase);
  const std::string table = table_of(phase);
  std::string rate = logits ? table + ".lr" : table + ".optimizer.lr";
  double lr = logits ? run_.policy.logits.lr : spec.optimizer.lr;
  if (!logits && parameter != nullptr && store.part_of(*parameter) == Part::trunk &&
      spec.optimizer.trunk_lr) {
    rate = table + ".optimizer.trunk_lr";
    lr = *spec.optimizer.trunk_lr;
  }
  const double clip = logits ? run_.policy.logits_clip_norm : spec.clip_norm;
  std::string text =
      fmt::format("; lower {} (it is {:g}) or limit gradients by {}.clip_norm ({})", rate, lr,
                  table, clip > 0 ? fmt::format("it is {:g}", clip) : "off");
  if (!folder_.empty())
    text += fmt::format(
        ": the checkpoint from before is kept, go on with: weft train --resume {} {}={:g}", folder_,
        rate, lr / 10);
  return text + "; debug=true names the op";
}

std::string Faults::explain(const FinishedStep& step, const ParameterStore& store) const {
  return culprit(step, store) + ", so the step was not taken" + data_of(step) +
         way_on(step.report.phase, store, step.result.judgement.culprit().gradient);
}

std::optional<std::string> Faults::fault_in(const std::vector<TaskResult>& results, Phase phase,
                                            EvalSplit split, int64_t total_step,
                                            const ParameterStore& store) const {
  const auto fault = fault_of(results);
  if (!fault) return std::nullopt;
  const std::string what =
      fmt::format("evaluation on {} after step {}: {}", name_of(split), total_step, *fault);
  if (phase == Phase::infer)
    throw NumericError(what + ", so the run has no result; its last steps broke the network" +
                       way_on(Phase::retrain, store));
  if (run_.on_nonfinite != OnNonfinite::skip) throw NumericError(what + way_on(phase, store));
  return what + "; it counts as the worst";
}

}  // namespace weft
