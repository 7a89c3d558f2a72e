// weft train: a run file (and key=value overrides) to a run folder, or on with an old one.
// --dry-run measures a little of everything and says what the whole run would take.
#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "data/fingerprint.h"
#include "engine/device.h"
#include "io/xxh64.h"
#include "train/cli/command.h"
#include "train/cli/console.h"
#include "train/cli/dry_run.h"
#include "train/cli/rank_job.h"
#include "train/loop/trainer.h"
#include "train/run_folder/changes.h"
#include "train/run_folder/kept.h"

namespace weft::cli {
namespace {

/// Whether a run that is done has something to do under what changed: more steps, or, where patience
/// ended it, more of that.
bool goes_on(const TrainState& state, const RunFile& before, const RunFile& now) {
  if (state.stage != Stage::done) return false;
  const auto wait = [](const RunFile& run) {
    return run.eval.patience == 0 ? std::numeric_limits<int64_t>::max() : run.eval.patience;
  };
  const int64_t stopped = state.stopped[static_cast<size_t>(Stage::retrain)];
  if (stopped < 0) return now.retrain.steps > before.retrain.steps;
  if (wait(now) > wait(before)) return true;
  if (now.retrain.steps != before.retrain.steps)
    throw ConfigError(
        fmt::format("train: retrain.steps={}: eval.patience = {} ended this run at step {} of {}, "
                    "and another number ends there, too; raise eval.patience, or make it 0",
                    now.retrain.steps, before.eval.patience, stopped, before.retrain.steps));
  return false;
}

class Train final : public Command {
 public:
  const char* name() const override { return "train"; }
  const char* help() const override { return "Train a network as a run file says"; }
  void options(Options& o) override {
    o.add("run", run_, "Run file (TOML)");
    o.add("settings", settings_,
          "key=value, such as policy.sharing=0.1; with --resume rates, clipping, steps (of what "
          "has not "
          "ended, and retrain.steps), eval.patience, data.root")
        .settings();
    o.add("--threads", threads_, "Threads; 0: one per core").within(0, 1024);
    o.add("--device", device_, "cpu or cuda").one_of({"cpu", "cuda"});
    o.add("--out", out_, "Run folder (default: runs/out/NAME-SEED)");
    o.add("--resume", resume_, "Go on with this run folder");
    o.add("--checkpoint", checkpoint_, "With --resume: last, or last-1 where it is damaged");
    o.add("--rank-timeout", rank_timeout_,
          "Under mpirun: seconds after which a rank that does not answer ends the run")
        .within(1, 1e6);
    o.add("--dry-run", dry_run_,
          "Measure a little of everything and forecast the run's time; leaves no file");
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
    const RankJob job(rank_timeout_);
    if (dry_run_ && !current_ranks().alone())
      throw ConfigError("train: --dry-run measures one process; start it without mpirun");
    if (!resume_.empty()) return resume(job, overrides);
    RunFile run = parse_run_file(run_, overrides);
    run.data.root = kept_root(run.data);
    const std::string folder =
        !out_.empty() ? out_ : fmt::format("runs/out/{}-{}", run.name, run.seed);
    if (!dry_run_ && job.first()) RunFolder::require_new(folder);
    const auto began = std::chrono::steady_clock::now();
    job.require_card(run.device);
    const Device device(run.device, job.threads(threads_), matrix_math(run.precision, run.device));
    const auto data = open_dataset(run);
    if (dry_run_) return dry_run(run, *data, device.context(), since(began), folder);
    require_same(job, run, *data);
    ConsoleObserver console(run);
    Trainer trainer(run, *data, device.context(), job.first() ? &console : nullptr);
    if (!job.first()) return trainer.run();
    trainer.start(folder);
    finish(trainer, console, *data, folder);
  }

 private:
  void resume(const RankJob& job, const std::vector<std::string>& changes) {
    if (!has_checkpoints(resume_))
      throw DataError(fmt::format("{}: there is no checkpoint to go on from; is {} a run folder?",
                                  checkpoint_path(resume_, "last"), resume_));
    std::optional<FolderLock> lock;
    if (job.first()) lock.emplace(resume_);
    Checkpoint checkpoint = read_resumable(resume_, checkpoint_);
    RunFile run = changed_run(checkpoint.run_text, resume_ + "/run.toml", changes);
    const RunFile begun = parse_run_text(checkpoint.run_text, resume_);
    if (goes_on(checkpoint.state, begun, run)) {
      checkpoint_ = newest_unfinished(resume_);
      checkpoint = read_resumable(resume_, checkpoint_);
    }
    check_steps(begun, run, checkpoint.state);
    try {  // killed while these changes were written: run.toml has them, the checkpoint has not
      require_same_run(resume_, print_run_file(run));
    } catch (const ConfigError&) {
      require_same_run(resume_, checkpoint.run_text);
    }
    run.data.root = kept_root(run.data);
    check_learned(checkpoint.learned, run.data.normalize, run.tasks,
                  checkpoint_path(resume_, checkpoint_));
    const auto began = std::chrono::steady_clock::now();
    job.require_card(run.device);
    const Device device(run.device, job.threads(threads_), matrix_math(run.precision, run.device));
    const auto data = open_dataset(run, &checkpoint.learned);
    if (dry_run_) return dry_run(run, *data, device.context(), since(began), resume_);
    require_same(job, run, *data);
    ConsoleObserver console(run);
    Trainer trainer(run, *data, device.context(), job.first() ? &console : nullptr,
                    Trainer::Begin::resumed);
    if (!job.first()) {
      trainer.follow(resume_, checkpoint_);
      return trainer.run();
    }
    trainer.resume(std::move(*lock), checkpoint_, changes);
    finish(trainer, console, *data, resume_);
  }

  static double since(std::chrono::steady_clock::time_point began) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }

  static void require_same(const RankJob& job, const RunFile& run, const Dataset& data) {
    if (current_ranks().alone()) return;
    const Fingerprint all = fingerprint_of(data);
    std::string samples = hex(all.any_order);
    for (const auto* sums : {&all.samples, &all.inputs, &all.labels})
      for (const uint64_t sum : *sums) samples += hex(sum);
    job.require_same({{"run file", print_run_file(run)}, {"data", samples}});
  }

  static void finish(Trainer& trainer, ConsoleObserver& console, const Dataset& data,
                     const std::string& folder) {
    console.start_from(trainer.state());
    trainer.run();
    console.finish();
    const RanksHere by_itself;
    write_pictures(folder, trainer, data);
    fmt::print("{}", table({read_summary(folder)}));
    fmt::print("{}", policy_text(read_summary(folder), colour_wanted()));
    fmt::print("run folder: {}\n", folder);
  }

  std::string run_, device_, out_, resume_, checkpoint_ = "last";
  std::vector<std::string> settings_;
  int threads_ = 0;
  double rank_timeout_ = 600;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> train_command() { return std::make_unique<Train>(); }

}  // namespace weft::cli
