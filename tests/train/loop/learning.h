// Whether a run learns: the mean loss of each task's last 50 re-training steps is under 0.7 of its
// first 50's. And five small dense tasks of rendered rooms to learn.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "train/loop/trainer.h"

namespace weft::test {

/// Losses of re-training, which every way of sharing has, by task.
struct RetrainLosses final : TrainObserver {
  static constexpr size_t window = 50;
  std::vector<std::vector<double>> of_task;

  void on_step(const StepReport& report) override {
    if (report.phase != Phase::retrain) return;
    of_task.resize(report.losses.size());
    for (size_t k = 0; k < of_task.size(); ++k) of_task[k].push_back(report.losses[k].value());
  }
  double mean(size_t k, size_t begin) const {
    double sum = 0;
    for (size_t i = begin; i < begin + window; ++i) sum += of_task[k][i];
    return sum / window;
  }
};

/// Checks it of every task after `steps` of re-training; says each task's means.
inline std::string check_learned(const RunFile& run, const RetrainLosses& losses, size_t steps,
                                 const std::string& who) {
  std::string line;
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    REQUIRE(losses.of_task[k].size() == steps);
    const double first = losses.mean(k, 0), last = losses.mean(k, steps - RetrainLosses::window);
    line +=
        fmt::format("  {} {:.3f} -> {:.3f} ({:.2f})", run.tasks[k].name, first, last, last / first);
    INFO(who << ", " << run.tasks[k].name);
    CHECK(last < 0.7 * first);
  }
  return line;
}

/// `way`: the tables of the way of sharing's own, and of the phases.
inline RunFile five_tasks(const std::string& way, const std::vector<std::string>& overrides) {
  return parse_run_text(R"(
[model]
width = 0.125
head = "linear"
[data]
kind = "scenes"
size = [32, 32]
batch = 8
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
weight = 4
[[task]]
name = "depth"
kind = "depth"
weight = 2
[[task]]
name = "edges"
kind = "edges"
weight = 4
[[task]]
name = "keypoints"
kind = "keypoints"
weight = 20
[eval]
every = 100000
[checkpoint]
every = 100000
)" + way,
                        "five.toml", overrides);
}

}  // namespace weft::test
