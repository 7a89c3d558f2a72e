// Patience: scores against the least so far.
#include "train/loop/patience.h"

#include <limits>

#include "train/step/choice.h"

namespace weft {

bool out_of_patience(TrainState& state, const RunFile& run,
                     const std::vector<TaskResult>& results) {
  if (run.eval.patience == 0) {
    state.patience = {};  // one that is set later counts from then on
    return false;
  }
  constexpr double none = std::numeric_limits<double>::infinity();
  std::vector<double> now;
  if (run.eval.best == Best::per_task)
    for (const Measure& own : task_scores(run, results)) now.push_back(own.value_or(none));
  else
    now.push_back(score(run, results));
  Patience& p = state.patience;
  p.best.resize(now.size(), none);
  ++p.waited;
  for (size_t i = 0; i < now.size(); ++i) {
    if (!(now[i] < p.best[i])) continue;
    p.best[i] = now[i];
    p.step = state.total_step;
    p.waited = 0;
  }
  return p.waited >= run.eval.patience && state.step < stage_steps(run, state.stage);
}

std::string stopped_text(const TrainState& state, const RunFile& run) {
  const std::string since =
      state.patience.step < 0 ? "at all" : fmt::format("since run step {}", state.patience.step);
  return fmt::format(
      "{}: stopped at step {} of {}: {} evaluations without a better validation "
      "score {}",
      name_of(state.stage), state.step, stage_steps(run, state.stage), state.patience.waited,
      since);
}

}  // namespace weft
