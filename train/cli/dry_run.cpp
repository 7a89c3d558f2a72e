// Steps are measured in rows, as training makes them: for at least half a second, because one step
// of a table takes less than the clock and the first steps tell apart.
#include "train/cli/dry_run.h"

#include <algorithm>

#include "train/device.h"
#include "train/preflight.h"
#include "train/progress.h"

namespace weft::cli {
namespace {

constexpr double enough_seconds = 0.5;
constexpr int64_t least_steps = 4, most_steps = 2000;

double mib(double bytes) { return bytes / (1024.0 * 1024.0); }

/// Where the search gates as many blocks as in the mean over its epochs: the curriculum makes the
/// first ones cheaper than the last.
int64_t mean_epoch(const Policy& policy, const RunFile& run, const SearchClock& clock) {
  const int64_t epochs =
      std::max<int64_t>(1, run.policy.steps / (clock.weight_steps + clock.logit_steps));
  const int speed = run.policy.curriculum_speed;
  const int64_t ramp = std::min(epochs, int64_t{speed} * (policy.blocks() - policy.skip_layer()));
  double sum = 0;
  for (int64_t e = 0; e < ramp; ++e) sum += policy.active(e, speed);
  sum += static_cast<double>(epochs - ramp) * policy.active(epochs, speed);
  int64_t epoch = 0;
  while (epoch + 1 < epochs && policy.active(epoch, speed) < sum / static_cast<double>(epochs))
    ++epoch;
  return epoch;
}

/// `row`: steps that the phase has one after the other, from `at`.
PhaseCost cost_of(Trainer& trainer, Phase phase, Stage stage, int64_t at, int64_t steps,
                  int64_t row) {
  const AnyContext context = trainer.context();
  const bool brought = trainer.run_file().data.workers > 0;  // else a step makes its own batch
  row = std::min(row, is_asynchronous(context) ? int64_t{64} : int64_t{16});
  const bool search = stage == Stage::search;
  // At the beginning of a row; the other phase's steps between two rows are made, not measured.
  const auto stand = [&] {
    const int64_t beyond =
        search && trainer.state().stage == stage
            ? trainer.clock().epoch(trainer.state().step) - trainer.clock().epoch(at)
            : 0;
    if (trainer.state().stage != stage || beyond > 2) trainer.jump(stage, at);
    for (int i = 0; i < 64 && trainer.current_phase() != phase; ++i) trainer.step();
    if (trainer.current_phase() != phase) trainer.jump(stage, at);
  };
  int64_t done = 0;
  double seconds = 0;
  const auto measure_row = [&] {
    stand();
    const double waited = trainer.waited_seconds();
    const double ms = milliseconds(context, [&] {
      for (int64_t i = 0; i < row && trainer.current_phase() == phase; ++i, ++done) trainer.step();
    });
    seconds += ms / 1e3 - (brought ? trainer.waited_seconds() - waited : 0);
  };
  // What happens once: memory is asked for, a GPU's second step makes a graph.
  trainer.jump(stage, at);
  measure_row();
  measure_row();
  memory_of(context).reset_peak();
  done = 0;
  seconds = 0;
  while ((seconds < enough_seconds || done < least_steps) && done < most_steps) measure_row();
  return {phase, steps, seconds / static_cast<double>(done),
          static_cast<double>(memory_of(context).counters().peak_bytes)};
}

}  // namespace

RunFile without_ends(RunFile run) {
  run.eval.every = run.checkpoint_every = int64_t{1} << 40;
  run.policy.choose = "draw";
  run.policy.from = "last";
  for (int64_t* steps : {&run.warmup.steps, &run.policy.steps, &run.retrain.steps})
    if (*steps > 0) *steps += int64_t{1} << 40;
  return run;
}

std::vector<PhaseCost> phase_costs(Trainer& trainer, const RunFile& run) {
  std::vector<PhaseCost> costs;
  const auto add = [&](Phase phase, Stage stage, int64_t at, int64_t steps, int64_t row) {
    if (steps > 0) costs.push_back(cost_of(trainer, phase, stage, at, steps, row));
  };
  const Policy* policy = trainer.model().policy();
  if (policy != nullptr && searches(run, true)) {
    add(Phase::warmup, Stage::warmup, 0, run.warmup.steps, run.warmup.steps);
    const SearchClock clock = trainer.clock();
    const int64_t logits = clock.policy_cursor(run.policy.steps);
    const int64_t at = (clock.weight_steps + clock.logit_steps) * mean_epoch(*policy, run, clock);
    add(Phase::weights, Stage::search, at, run.policy.steps - logits, clock.weight_steps);
    add(Phase::policy, Stage::search, at + clock.weight_steps, logits, clock.logit_steps);
  }
  add(Phase::retrain, Stage::retrain, 0, run.retrain.steps, run.retrain.steps);
  return costs;
}

void dry_run(const RunFile& run, const Dataset& data, AnyContext context) {
  const Parts parts = make_parts(data, run.semantics, run.policy.data_share);
  check_plan(run, data, parts);
  Trainer trainer(without_ends(run), data, context);
  check_search(run, trainer.model(), trainer.clock());
  for (const auto& line : plan_notes(run, data, parts, trainer.model(), trainer.clock()))
    fmt::print("plan: {}\n", line);
  const auto [height, width] = input_size(run, data);
  const ModelCost cost = trainer.model().cost(height, width, nullptr);
  fmt::print("parameters  trunk {:.3f} M, heads {:.3f} M\n",
             static_cast<double>(cost.body_parameters()) / 1e6,
             static_cast<double>(cost.head_parameters) / 1e6);
  fmt::print("GFLOP/image trunk {:.3f}, heads {:.3f} (forward, every block)\n",
             2e-9 * static_cast<double>(cost.body().dense),
             2e-9 * static_cast<double>(cost.heads.dense));
  fmt::print("{:<10} {:>9} {:>12} {:>12}\n", "phase", "steps", "s/step", "peak MiB");
  double total = 0;
  for (const PhaseCost& phase : phase_costs(trainer, run)) {
    total += phase.seconds * static_cast<double>(phase.steps);
    fmt::print("{:<10} {:>9} {:>12.3g} {:>12.0f}\n", name_of(phase.phase), phase.steps,
               phase.seconds, mib(phase.peak_bytes));
  }
  fmt::print("about {} in all, without evaluation, checkpoints and waiting for data\n",
             total < 60 ? fmt::format("{:.1f} s", total) : clock_text(total));
}

}  // namespace weft::cli
