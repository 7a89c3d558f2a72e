// find_rate: a stage's loader, optimizer and step, without a folder.
#include "train/loop/rate_finder.h"

#include <cmath>

#include "engine/error.h"
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
  if (!run.model.init.empty()) load_pretrained(run.model.init, *model, run.model.init_partial);
  const SearchClock clock = search_clock(run, data, parts, model->policy() != nullptr);
  TrainState state;
  state.stage = model->policy() != nullptr ? Stage::warmup : Stage::retrain;
  RateRange out;
  out.phase = phase_of(state, clock);
  const double base = (out.phase == Phase::warmup ? run.warmup : run.retrain).optimizer.lr;
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
  if (out.points.empty())
    throw DataError("lr: no step gave a loss; are there labels, and is --low small enough?");
  out.suggested = out.least / 10;
  return out;
}

}  // namespace weft
