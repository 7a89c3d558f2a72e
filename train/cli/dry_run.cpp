// Says what train/loop/forecast.h measured and counted.
#include "train/cli/dry_run.h"

#include <chrono>
#include <filesystem>

#include "train/cli/console.h"
#include "train/loop/preflight.h"
#include "train/loop/progress.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

double mib(double bytes) { return bytes / (1024.0 * 1024.0); }

std::string time_text(double seconds) {
  return seconds < 60 ? fmt::format("{:.1f} s", seconds) : clock_text(seconds);
}

/// The innermost folder around `folder` that there is: on the run's disk, and not in a run folder.
std::string beside(const std::string& folder) {
  fs::path at = fs::absolute(folder).parent_path();
  std::error_code ignored;
  while (!fs::is_directory(at, ignored) && at.has_relative_path()) at = at.parent_path();
  return at.string();
}

}  // namespace

void dry_run(const RunFile& run, const Dataset& data, AnyContext context, double opened,
             const std::string& folder) {
  const Parts parts = make_parts(data, run.semantics, run.policy.data_share);
  check_plan(run, data, parts);
  const auto began = std::chrono::steady_clock::now();
  Trainer trainer(without_ends(run), data, context);
  const std::chrono::duration<double> made = std::chrono::steady_clock::now() - began;
  check_search(run, trainer.model(), trainer.clock());
  for (const std::string& line : data.notes()) fmt::print("data: {}\n", line);
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

  const auto finish = [&](const std::string& at, Trainer& trained) {
    write_summary(at, trained.summary({}));
    write_pictures(at, trained, data);
  };
  const Forecast f = forecast(trainer, run, data, {opened, made.count()}, beside(folder), finish);
  fmt::print("{:<12} {:>9} {:>12} {:>12} {:>12}\n", "phase", "steps", "s/step", "time", "peak MiB");
  for (const PhaseCost& phase : f.phases)
    fmt::print("{:<12} {:>9} {:>12.3g} {:>12} {:>12.0f}\n", name_of(phase.work.phase),
               phase.work.steps, phase.total() / static_cast<double>(phase.work.steps),
               time_text(phase.total()), mib(phase.peak_bytes));
  const auto line = [](const char* what, int64_t count, double seconds) {
    fmt::print("{:<12} {:>9} {:>12} {:>12}\n", what, count, "", time_text(seconds));
  };
  line("evaluations", f.work.evaluations(), f.evaluations);
  line("checkpoints", f.work.resumable + f.work.models, f.checkpoints);
  fmt::print("{:<12} {:>9} {:>12} {:>12}\n", "start, end", "", "", time_text(f.start + f.end));
  fmt::print("about {} in all{}\n", time_text(f.total()),
             run.eval.patience > 0 ? ", less where eval.patience ends a phase" : "");
}

}  // namespace weft::cli
