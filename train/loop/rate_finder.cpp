// find_rate: a stage's loader, optimizer and step, without a folder.
#include "train/loop/rate_finder.h"

#include <cmath>

#include "engine/error.h"
#include "train/loop/faults.h"
#include "train/loop/policy_choice.h"
#include "train/loop/preflight.h"
#include "train/loop/stage.h"
#include "train/run_folder/pretrained.h"
#include "train/step/train_step.h"

namespace weft {
namespace {

/// The tasks' weighted losses, of those that had a label.
double total_of(const RunFile& run, const StepResult& result) {
  double total = 0;
  bool any = false;
  for (size_t k = 0; k < result.losses.size(); ++k) {
    if (!result.losses[k].defined()) continue;
    total += run.tasks[k].weight * result.losses[k].item();
    any = true;
  }
  return any ? total : std::nan("");
}

}  // namespace

RateRange find_rate(const AnyContext& context, const RunFile& run_file, const Dataset& data,
                    double low, double high, int64_t steps) {
  if (!(low > 0 && low < high && std::isfinite(high)))
    throw ConfigError(
        fmt::format("lr: --low {} and --high {}: rates rise from low to high", low, high));
  if (steps < 10) throw ConfigError(fmt::format("lr: --steps {}: ten or more show a curve", steps));
  RunFile run = run_file;
  run.on_nonfinite = OnNonfinite::skip;  // the end of the test, and no error
  const Parts parts = make_parts(data, run.semantics, run.policy.data_share);
  const auto model = planned_model(context, run, data, parts);
  if (!run.model.init.empty()) load_pretrained(run.model, *model);
  const bool has_policy = model->policy() != nullptr;
  const SearchClock clock = search_clock(run, data, parts, has_policy);
  check_search(run, *model, clock);
  for (size_t k = 0; k < run.tasks.size(); ++k)
    if (run.tasks[k].class_weights.empty()) run.tasks[k].class_weights = data.class_weights(k);
  TrainState state;
  state.stage = first_with_steps(run, searches(run, has_policy) ? Stage::warmup : Stage::retrain);
  if (stage_steps(run, state.stage) == 0)
    throw ConfigError("lr: no stage of the run has steps; retrain.steps=1000 gives it some");
  if (state.stage == Stage::retrain && has_policy)
    decide_policy(state, context, run, data, parts, *model, [](const std::string&) {});
  RateRange out;
  out.phase = phase_of(state, clock);  // of a search its weights
  out.table = table_of(out.phase);
  const double base = phase_spec(run, out.phase).optimizer.lr;
  if (!(base > 0)) throw ConfigError("lr: the optimizer's lr is 0, of which no rate is a multiple");
  StageTools tools(context, run, data, parts, *model, state, clock);
  TrainStep step(run, context);
  Update update = update_of(run, out.phase, 0);
  double running = 0, least = 0;
  for (int64_t s = 0; s < steps; ++s) {
    const double rate =
        low * std::pow(high / low, static_cast<double>(s) / static_cast<double>(steps - 1));
    update.factor = rate / base;
    const Batch batch = tools.loader(out.phase).next();
    const StepResult result =
        step.take(*model, tools.optimizer(out.phase),
                  inputs_of(state, clock, run, *model, out.phase), batch, update, tools.balance());
    if (!result.taken || !result.judgement.finite()) {
      out.burst = true;
      break;
    }
    ++state.step;
    ++state.total_step;
    const double loss = total_of(run, result);
    if (std::isnan(loss)) continue;  // no task had a label
    const auto n = static_cast<double>(out.points.size() + 1);
    running = 0.9 * running + 0.1 * loss;
    const double smoothed = running / (1 - std::pow(0.9, n));
    out.points.push_back({rate, smoothed});
    if (out.points.size() == 1 || smoothed < least) {
      least = smoothed;
      out.least = rate;
    }
    if (n > 10 && smoothed > 4 * std::abs(least)) {
      out.burst = true;
      break;
    }
  }
  if (out.points.size() < 2 && out.burst)
    throw ConfigError(fmt::format(
        "lr: the loss burst at once, and one rate is no curve: give less than --low {}", low));
  if (out.points.size() < 2)
    throw DataError(fmt::format(
        "lr: {} of {} steps gave a loss, and a curve has two or more; are there labels?",
        out.points.size(), steps));
  out.suggested = out.least / 10;
  return out;
}

}  // namespace weft
