// Every way of sharing learns: on rendered rooms the mean loss of the last 50 training steps is
// under 0.7 of the first 50's, for each task and three seeds. Slim networks; a minute in all, so it
// is hidden from a plain run:   build/weft_tests "[sharing]"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/learned_trunk.h"
#include "train/loop/trainer.h"

using namespace weft;

namespace {

constexpr size_t window = 50;

RunFile slim(const std::string& sharing, int seed) {
  return parse_run_text(R"(
name = "slim"
[model]
trunk = "resnet18"
width = 0.125
head = "linear"
[data]
kind = "scenes"
size = [32, 32]
batch = 4
count = 64
val_count = 4
test_count = 4
workers = 1
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "normals"
kind = "normals"
[[task]]
name = "depth"
kind = "depth"
[warmup]
steps = 60
optimizer = { lr = 2e-3, betas = [0.9, 0.999] }
[policy]
steps = 60
optimizer = { lr = 0.01 }
weight_steps = 5
logit_steps = 1
curriculum_speed = 1
draws = 2
[retrain]
steps = 300
schedule = { kind = "cosine" }
[eval]
every = 100000
[checkpoint]
every = 100000
)",
                        "slim.toml", {"sharing=" + sharing, fmt::format("seed={}", seed)});
}

/// Losses of re-training, which every way has, by task.
struct Losses final : TrainObserver {
  std::vector<std::vector<double>> of_task;

  void on_step(const StepReport& report) override {
    if (report.phase != Phase::retrain) return;
    of_task.resize(report.losses.size());
    for (size_t k = 0; k < of_task.size(); ++k) of_task[k].push_back(report.losses[k].value());
  }
};

double mean_of(const std::vector<double>& losses, size_t begin) {
  double sum = 0;
  for (size_t i = begin; i < begin + window; ++i) sum += losses[i];
  return sum / window;
}

}  // namespace

TEST_CASE("every way of sharing learns every task on scenes", "[.][slow][sharing]") {
  const std::string sharing = GENERATE(from_range(test::names_of(test::all_ways())));
  const int seed = GENERATE(1, 2, 3);
  RunFile run = slim(sharing, seed);
  const test::TempFolder folder;
  test::give_start(run, folder);
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Losses losses;
  Trainer trainer(run, *data, &cpu, &losses);
  while (trainer.step()) {
  }
  std::string line;
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    const auto& all = losses.of_task[k];
    REQUIRE(all.size() == 300);
    const double first = mean_of(all, 0), last = mean_of(all, all.size() - window);
    line +=
        fmt::format("  {} {:.3f} -> {:.3f} ({:.2f})", run.tasks[k].name, first, last, last / first);
    INFO(sharing << ", seed " << seed << ", " << run.tasks[k].name);
    CHECK(last < 0.7 * first);
  }
  std::printf("%-12s seed %d%s\n", sharing.c_str(), seed, line.c_str());
  std::fflush(stdout);
}
