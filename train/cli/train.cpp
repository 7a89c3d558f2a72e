// weft train: a run file (and key=value overrides) to a run folder, or on with an old one.
// --dry-run measures a few steps of every phase and says what the whole run would take.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <utility>

#include "train/changes.h"
#include "train/cli/command.h"
#include "train/cli/console.h"
#include "train/device.h"
#include "train/kept.h"
#include "train/trainer.h"

namespace weft::cli {
namespace {

double mib(double bytes) { return bytes / (1024.0 * 1024.0); }

void dry_run(RunFile run, const Dataset& data, AnyContext context) {
  run.eval.every = run.checkpoint_every = std::numeric_limits<int64_t>::max();
  Trainer trainer(run, data, context);
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
  // `row`: steps that the phase has one after the other. A GPU is given several before it is
  // waited for, as in training.
  const auto measure = [&](Phase phase, Stage stage, int64_t at, int64_t steps, int64_t row) {
    if (steps == 0) return;
    row = is_asynchronous(context) ? std::min<int64_t>(row, 8) : 1;
    const int64_t end = stage == Stage::search ? run.policy.steps : steps;
    if (at < end) row = std::clamp<int64_t>(end - at - 1, 1, row);  // the last one ends the stage
    const auto seconds_a_step = [&] {
      trainer.jump(stage, at);
      const double waited = trainer.waited_seconds();
      const double ms = milliseconds(context, [&] {
        for (int64_t i = 0; i < row; ++i) trainer.step();
      });
      return (ms / 1e3 - (trainer.waited_seconds() - waited)) / static_cast<double>(row);
    };
    seconds_a_step();  // what happens once: memory is asked for, a GPU's second step makes a graph
    if (row == 1 && is_asynchronous(context)) seconds_a_step();
    memory_of(context).reset_peak();
    const double seconds = seconds_a_step();
    total += seconds * static_cast<double>(steps);
    fmt::print("{:<10} {:>9} {:>12.3f} {:>12.0f}\n", name_of(phase), steps, seconds,
               mib(static_cast<double>(memory_of(context).counters().peak_bytes)));
  };
  if (trainer.model().policy() != nullptr) {
    measure(Phase::warmup, Stage::warmup, 0, run.warmup.steps, run.warmup.steps);
    const SearchClock clock = trainer.clock();
    const int64_t logits = clock.policy_cursor(run.policy.steps);
    // The dearest policy epoch is the first that gates every block, or the run's last whole one.
    const int64_t both = clock.weight_steps + clock.logit_steps;
    const int64_t dearest =
        int64_t{run.policy.curriculum_speed} * trainer.model().policy()->blocks();
    const int64_t at =
        both * std::clamp<int64_t>(run.policy.steps / both - 1, 0, std::max<int64_t>(dearest, 0));
    measure(Phase::weights, Stage::search, at, run.policy.steps - logits, clock.weight_steps);
    measure(Phase::policy, Stage::search, at + clock.weight_steps, logits, clock.logit_steps);
  }
  measure(Phase::retrain, Stage::retrain, 0, run.retrain.steps, run.retrain.steps);
  fmt::print("about {} in all, without evaluation and waiting for data\n", clock_text(total));
}

class Train final : public Command {
 public:
  const char* name() const override { return "train"; }
  const char* help() const override { return "Train a network as a run file says"; }
  void options(Options& o) override {
    o.add("run", run_, "Run file (TOML)");
    o.add("settings", settings_,
          "key=value, such as policy.sharing=0.1; with --resume rates, clipping, data.root");
    o.add("--threads", threads_, "Threads; 0: one per core").within(0, 1024);
    o.add("--device", device_, "cpu or cuda");
    o.add("--out", out_, "Run folder (default: runs/out/NAME-SEED)");
    o.add("--resume", resume_, "Go on with this run folder");
    o.add("--checkpoint", checkpoint_, "With --resume: last, or last-1 where it is damaged");
    o.add("--dry-run", dry_run_, "Measure a few steps a phase, write nothing");
  }
  void run() override {
    if (!resume_.empty() && run_.find('=') != std::string::npos)  // the first word after DIR
      settings_.insert(settings_.begin(), std::exchange(run_, ""));
    if (run_.empty() == resume_.empty())
      throw ConfigError("train: give a run file, or --resume DIR to go on with a run folder");
    if (resume_.empty() && checkpoint_ != "last")
      throw ConfigError("train: --checkpoint says where --resume DIR goes on; start without it");
    const std::vector<std::string> overrides = with_device(settings_, device_);
    if (!resume_.empty() && !out_.empty())
      throw ConfigError(
          fmt::format("train: --resume goes on in its own folder; leave out --out {}", out_));
    if (!resume_.empty()) return resume(overrides);
    RunFile run = parse_run_file(run_, overrides);
    run.data.root = kept_root(run.data);
    const std::string folder =
        !out_.empty() ? out_ : fmt::format("runs/out/{}-{}", run.name, run.seed);
    if (!dry_run_) RunFolder::require_new(folder);
    const Device device(run.device, threads_, run.precision);
    const auto data = open_dataset(run);
    if (dry_run_) return dry_run(run, *data, device.context());
    ConsoleObserver console(run);
    Trainer trainer(run, *data, device.context(), &console);
    trainer.start(folder);
    finish(trainer, console, *data, folder);
  }

 private:
  void resume(const std::vector<std::string>& changes) {
    if (!has_checkpoints(resume_))
      throw DataError(fmt::format("{}: there is no checkpoint to go on from; is {} a run folder?",
                                  checkpoint_path(resume_, "last"), resume_));
    FolderLock lock(resume_);
    const Checkpoint checkpoint = read_resumable(resume_, checkpoint_);
    RunFile run = changed_run(checkpoint.run_text, resume_ + "/run.toml", changes);
    try {  // killed while these changes were written: run.toml has them, the checkpoint has not
      require_same_run(resume_, print_run_file(run));
    } catch (const ConfigError&) {
      require_same_run(resume_, checkpoint.run_text);
    }
    run.data.root = kept_root(run.data);
    check_learned(checkpoint.learned, run, checkpoint_path(resume_, checkpoint_));
    const Device device(run.device, threads_, run.precision);
    const auto data = open_dataset(run, &checkpoint.learned);
    if (dry_run_) return dry_run(run, *data, device.context());
    ConsoleObserver console(run);
    Trainer trainer(run, *data, device.context(), &console, Trainer::Begin::resumed);
    trainer.resume(std::move(lock), checkpoint_, changes);
    finish(trainer, console, *data, resume_);
  }

  static void finish(Trainer& trainer, ConsoleObserver& console, const Dataset& data,
                     const std::string& folder) {
    console.start_from(trainer.state());
    trainer.run();
    console.finish();
    write_pictures(folder, trainer, data);
    fmt::print("{}", table({read_summary(folder)}));
    fmt::print("{}", policy_text(read_summary(folder), colour_wanted()));
    fmt::print("run folder: {}\n", folder);
  }

  std::string run_, device_, out_, resume_, checkpoint_ = "last";
  std::vector<std::string> settings_;
  int threads_ = 0;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> train_command() { return std::make_unique<Train>(); }

}  // namespace weft::cli
