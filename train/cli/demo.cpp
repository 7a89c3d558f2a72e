// weft demo: the main job, end to end, in minutes. Single-task networks, hard sharing and AdaShare
// through all its phases, on rendered rooms with three tasks; then the table, the learned policy
// and pictures, and in words what the numbers do and do not show.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "engine/device.h"
#include "train/cli/command.h"
#include "train/cli/console.h"
#include "train/cli/demo_run.h"
#include "train/cli/process.h"
#include "train/loop/trainer.h"
#include "train/step/choice.h"
#include "train/study/run_table.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

std::string free_folder(int64_t seed) {
  const std::string stem = fmt::format("runs/out/demo-{}", seed);
  std::string folder = stem;
  for (int i = 2; fs::exists(folder); ++i) folder = fmt::format("{}.{}", stem, i);
  return folder;
}

RunSummary train_one(const RunFile& run, const Dataset& data, AnyContext context,
                     const std::string& folder) {
  tell(run.sharing == Sharing::single ? "\nsingle: a network for each task"
       : run.sharing == Sharing::hard ? "\nhard: one trunk for all tasks"
                                      : "\nadashare: warm-up, search, re-training");
  ConsoleObserver console(run);
  Trainer trainer(run, data, context, &console);
  trainer.start(folder);
  trainer.run();
  console.finish();
  write_pictures(folder, trainer, data);
  return read_summary(folder);
}

/// The constant is fitted on the very split that it is tested on.
void compare_with_constants(const std::vector<RunSummary>& runs) {
  fmt::print("\nLoss on held-out scenes, and how far below the best constant prediction:\n");
  for (size_t k = 0; k < runs[0].results.size(); ++k) {
    const Measure constant = runs[0].results[k].constant;
    fmt::print("  {:<8} constant {}", runs[0].tasks[k], fixed_text(constant, 4));
    for (const RunSummary& run : runs)
      fmt::print("   {} {} ({:+.0f} %)", name_of(run.sharing), fixed_text(run.results[k].loss, 4),
                 100 * (relative_loss(run.results[k].loss.value_or(0), constant) - 1));
    fmt::print("\n");
  }
}

void say_what_was_learned(const RunSummary& run) {
  double most = 0;
  for (const auto& row : run.probability)
    for (double p : row) most = std::max(most, std::abs(p - 0.5));
  int blocks_apart = 0;
  for (size_t l = 0; l < run.blocks.size(); ++l)
    for (size_t k = 1; k < run.policy.size(); ++k)
      if (run.policy[k][l] != run.policy[0][l]) {
        ++blocks_apart;
        break;
      }
  fmt::print("\nThe policy: p(select) moved by up to {:.2f} from 0.5; ", most);
  if (blocks_apart > 0)
    fmt::print("tasks differ in {} of {} blocks.\n", blocks_apart, run.blocks.size());
  else
    fmt::print("the tasks do not differ in any block: here they learned to share everything.\n");
  fmt::print("{}", policy_text(run, colour_wanted()));
}

/// Seconds of a re-training step on the CPU: the median of five, after one to warm up.
double cpu_step_seconds(RunFile run, const Dataset& data, const BinaryPolicy& policy, int threads) {
  run.device = DeviceKind::cpu;
  run.precision = Precision::f32;
  const Device cpu(DeviceKind::cpu, threads);
  Trainer trainer(run, data, cpu.context());
  trainer.set_policy(policy);
  trainer.jump(Stage::retrain, 0);
  trainer.step();
  std::vector<double> seconds;
  for (int i = 0; i < 5; ++i) {
    const double before = trainer.measured().in_steps();
    trainer.step();
    seconds.push_back(trainer.measured().in_steps() - before);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[2];
}

/// What the GPU was good for, on the machine at hand.
void say_how_much_faster(const RunFile& run, const Dataset& data, const RunSummary& adashare,
                         const Device& device, int threads) {
  const double gpu =
      adashare.seconds.at(name_of(Stage::retrain)) / static_cast<double>(run.retrain.steps);
  const double cpu = cpu_step_seconds(run, data, {adashare.policy}, threads);
  fmt::print(
      "A re-training step took {:.2f} ms on {} and takes {:.2f} ms on this machine's CPU ({} "
      "threads): {:.1f} times as fast.\n",
      1e3 * gpu, device.describe(), 1e3 * cpu, CpuContext(threads).threads(), cpu / gpu);
}

class Demo final : public Command {
 public:
  const char* name() const override { return "demo"; }
  const char* help() const override { return "Watch a network learn what its tasks should share"; }
  void options(Options& o) override {
    o.add("settings", settings_, "key=value, such as data.batch=4").settings();
    o.add("--seed", seed_, "Another seed, other rooms and other draws");
    o.add("--threads", threads_, "Threads; 0: one per core").within(0, 1024);
    o.add("--device", device_, "cpu or cuda").one_of({"cpu", "cuda"});
    o.add("--out", out_, "Folder for the three runs (default: runs/out/demo-SEED)");
  }
  void run() override {
    std::vector<std::string> overrides = demo_settings(seed_, with_device(settings_, device_));
    RunFile run = parse_run_text(demo_run, "demo", overrides);
    const bool cuda = run.device == DeviceKind::cuda;
    if (cuda) {  // a step takes less time than two workers need to render a batch
      overrides.insert(overrides.begin(),
                       fmt::format("data.workers={}", std::clamp(physical_cores() / 2, 2, 8)));
      run = parse_run_text(demo_run, "demo", overrides);
    }
    const std::string folder = out_.empty() ? free_folder(seed_) : out_;
    if (fs::exists(folder) && !fs::is_empty(folder))
      throw ConfigError(folder + ": is not empty; choose another --out");
    const Device device(run.device, threads_, matrix_math(run.precision, run.device));
    const auto data = open_dataset(run);
    fmt::print(
        "weft demo: {} tasks on rendered rooms of {}x{}, ResNet-18 with {:g} of its width, heads "
        "of "
        "{} channels.\nA sketch: minutes instead of hours, so read the ways of comparing, not the "
        "scores.\n",
        run.tasks.size(), run.data.size[0], run.data.size[1], run.model.width,
        run.model.head_width);
    std::fflush(stdout);
    std::vector<RunSummary> runs;
    for (const Sharing sharing : {Sharing::single, Sharing::hard, Sharing::adashare}) {
      run.sharing = sharing;
      run.eval.best = sharing == Sharing::single ? Best::per_task : Best::sum;
      runs.push_back(train_one(run, *data, device.context(), folder + "/" + name_of(sharing)));
    }
    fmt::print("\n{}", table(runs));
    compare_with_constants(runs);
    say_what_was_learned(runs.back());
    const double every_block = runs[1].trunk_gflop * static_cast<double>(run.tasks.size());
    fmt::print(
        "Trunk FLOPs an image: {:.3f} G where skipped blocks do not run and common prefixes run "
        "once; "
        "{:.3f} G in {} separate passes.\n",
        runs[2].trunk_gflop, every_block, run.tasks.size());
    double waited = 0;
    for (const RunSummary& r : runs) waited = std::max(waited, r.waited_share);
    fmt::print("Waiting for data: at most {:.1f} % of the time of a run's steps.\n", 100 * waited);
    if (cuda) say_how_much_faster(run, *data, runs.back(), device, threads_);
    fmt::print("Pictures: {0}/adashare/pictures/predictions.svg, policy.svg, history.svg\n",
               folder);
  }

 private:
  int64_t seed_ = 1;
  std::vector<std::string> settings_;
  std::string device_, out_;
  int threads_ = 0;
};

}  // namespace

std::unique_ptr<Command> demo_command() { return std::make_unique<Demo>(); }

}  // namespace weft::cli
