// What several commands share: progress of a training run on stderr, the device's word, pictures.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "train/loop/progress.h"
#include "train/loop/trainer.h"
#include "train/study/run_table.h"

namespace weft::cli {

class ConsoleObserver final : public TrainObserver {
 public:
  explicit ConsoleObserver(const RunFile& run) : run_(run) {}
  void start_from(const TrainState& state) { from_ = state.step; }
  void on_step(const StepReport& report) override;
  void on_eval(Stage stage, EvalSplit split, const std::vector<TaskResult>& results) override;
  void say(const std::string& line) override;
  /// Ends the bar's line.
  void finish() { progress_.reset(); }

 private:
  RunFile run_;
  Stage stage_ = Stage::done;
  int64_t from_ = 0;
  Progress::Clock::time_point reported_ = Progress::Clock::now();  // the last step, or no step yet
  std::unique_ptr<Progress> progress_;
};

/// `--device X` is the override device=X.
std::vector<std::string> with_device(std::vector<std::string> overrides, const std::string& device);
/// stdout is a terminal and NO_COLOR is not set.
bool colour_wanted();

/// The run folder's pictures: predictions of the first samples of the test (or val, or train) split
/// beside their labels, the policy, and its history.
void write_pictures(const std::string& folder, Trainer& trainer, const Dataset& data);

}  // namespace weft::cli
