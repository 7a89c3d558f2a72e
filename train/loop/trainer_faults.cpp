// Trainer: what happens when a number is none. A step whose loss, gradient or running values hold
// NaN or infinity is not taken (train/step/finite.h); it stops the run with what was bad, which data
// were in the batch and what to try, or, with on_nonfinite = "skip", is left out and counted.
// Results of an evaluation that are no numbers stop it too, and are never the best.
#include <algorithm>
#include <cmath>

#include "train/loop/trainer.h"

namespace weft {
namespace {

constexpr int64_t most_skipped = 100;  ///< in a row: then nothing will change by itself
constexpr size_t most_named = 4;

std::vector<Tensor> running_of(ParameterStore& store) {
  std::vector<Tensor> out;
  for (const NamedStats& s : store.stats())
    out.insert(out.end(), {s.stats.running_mean, s.stats.running_var});
  return out;
}

/// "policy" for the search's weights steps: the table of the run file that the step obeys.
std::string table_of(Phase phase) {
  return phase == Phase::policy    ? "policy.logits"
         : phase == Phase::weights ? "policy"
                                   : name_of(phase);
}

bool finite(const Picture& picture) {
  return std::all_of(picture.pixels.begin(), picture.pixels.end(),
                     [](float v) { return std::isfinite(v); });
}

}  // namespace

void Trainer::begin_judged() {
  finite_.begin(running_of(model_->store()),
                run_.on_nonfinite == "skip" || !is_asynchronous(context_));
}

bool Trainer::judge(Pending& step, const StepOutputs& out, const Optimizer& optimizer) {
  std::vector<Tensor> values;
  for (size_t k = 0; k < out.losses.size(); ++k)
    if (out.losses[k]) {
      values.push_back(out.losses[k]->value());
      step.judged_tasks.push_back(k);
    }
  step.judged_total = out.total.has_value();
  if (out.total) values.push_back(out.total->value());
  for (const Parameter* p : optimizer.parameters())
    if (p->grad.defined()) {
      values.push_back(p->grad);
      step.judged.push_back(p);
    }
  for (const Tensor& t : running_of(model_->store())) values.push_back(t);
  finite_.judge(values);
  step.verdict = fetch_later(context_, finite_.verdict());
  const bool skips = run_.on_nonfinite == "skip";
  if (is_asynchronous(context_)) {
    if (!skips) return true;  // the device knows, and settle() will ask it
    synchronize(context_);    // whether the step counts decides the next one's bias correction
  }
  if (step.verdict.item() == all_finite) {
    state_.skipped_in_row = 0;
    return true;
  }
  if (!skips) throw NumericError(explain(step));
  ++state_.skipped;
  if (++state_.skipped_in_row >= most_skipped)
    throw NumericError(fmt::format("{} steps in a row were skipped; the last one: {}", most_skipped,
                                   explain(step)));
  step.skipped = true;
  say(fmt::format("{} step {} (run step {}): skipped: {}{}", name_of(step.report.phase),
                  step.report.step, step.total_step, culprit(step), data_of(step)));
  return false;
}

/// What is bad, by the verdict's place among the values judged.
std::string Trainer::culprit(const Pending& step) const {
  auto place = static_cast<size_t>(step.verdict.item());
  if (place < step.judged_tasks.size()) {
    const size_t k = step.judged_tasks[place];
    return fmt::format("the loss of task '{}' is {}", run_.tasks[k].name,
                       fixed_text(step.losses[k].item(), 4));
  }
  place -= step.judged_tasks.size();
  if (step.judged_total && place-- == 0)
    return "the summed loss is NaN or infinite, though each task's is finite";
  if (place < step.judged.size())
    return fmt::format("the gradient of '{}' holds NaN or infinity", step.judged[place]->name);
  place -= step.judged.size();
  return fmt::format("the running values of batch norm '{}' became NaN or infinite",
                     model_->store().stats().at(place / 2).name);
}

/// The batch's data: which of it hold what no number is, else which they are.
std::string Trainer::data_of(const Pending& step) const {
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
  std::string text = fmt::format(
      "; the batch was '{}'",
      fmt::join(step.keys.begin(), step.keys.begin() + static_cast<int64_t>(named), "', '"));
  if (named < step.keys.size()) text += fmt::format(" and {} more", step.keys.size() - named);
  return text;
}

/// What to try: the keys that this phase obeys, and how to go on from the last checkpoint.
std::string Trainer::way_on(Phase phase, const Parameter* parameter) const {
  const bool logits = phase == Phase::policy;
  const PhaseSpec& spec = phase_spec(run_, phase);
  const std::string table = table_of(phase);
  std::string rate = logits ? table + ".lr" : table + ".optimizer.lr";
  double lr = logits ? run_.policy.logits.lr : spec.optimizer.lr;
  if (!logits && parameter != nullptr && model_->store().part_of(*parameter) == Part::trunk &&
      spec.optimizer.trunk_lr) {
    rate = table + ".optimizer.trunk_lr";
    lr = *spec.optimizer.trunk_lr;
  }
  const double clip = logits ? run_.policy.logits_clip_norm : spec.clip_norm;
  std::string text =
      fmt::format("; lower {} (it is {:g}) or limit gradients by {}.clip_norm ({})", rate, lr,
                  table, clip > 0 ? fmt::format("it is {:g}", clip) : "off");
  if (folder_)
    text += fmt::format(
        ": the checkpoint from before is kept, go on with: weft train --resume {} {}={:g}",
        folder_->path(), rate, lr / 10);
  return text + "; debug=true names the op";
}

std::string Trainer::explain(const Pending& step) const {
  const auto place = static_cast<size_t>(step.verdict.item());
  const size_t first = step.judged_tasks.size() + (step.judged_total ? 1 : 0);
  const bool is_gradient = place >= first && place < first + step.judged.size();
  return culprit(step) + ", so the step was not taken" + data_of(step) +
         way_on(step.report.phase, is_gradient ? step.judged[place - first] : nullptr);
}

bool Trainer::check_results(Phase phase, const std::string& split,
                            const std::vector<TaskResult>& results) {
  const auto fault = fault_of(results);
  if (!fault) return true;
  const std::string what =
      fmt::format("evaluation on {} after step {}: {}", split, state_.total_step, *fault);
  if (phase == Phase::infer)
    throw NumericError(what + ", so the run has no result; its last steps broke the network" +
                       way_on(Phase::retrain, nullptr));
  if (run_.on_nonfinite != "skip") throw NumericError(what + way_on(phase, nullptr));
  say(what + "; it counts as the worst");
  return false;
}

}  // namespace weft
