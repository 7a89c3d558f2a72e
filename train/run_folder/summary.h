// What a finished run has to say beside its metrics: summary.json in its folder, read by `table`
// and `study`. Parameters and FLOPs are counted, not measured; seconds are. Those of what joins
// trunks (stitches, masks) count as the trunk's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "train/step/evaluate.h"

namespace weft {

struct RunSummary {
  std::string name;
  Sharing sharing = Sharing::adashare;
  DeviceKind device = DeviceKind::cpu;
  int64_t seed = 0;
  int64_t trunk_parameters = 0, head_parameters = 0;
  double trunk_parameters_of_one = 0;       ///< multiple of a single trunk
  double trunk_gflop = 0, heads_gflop = 0;  ///< an image, evaluation, densely counted
  Measure together = {};  ///< of routes: how alike (models/collapse.h); of images': those tested
  double trunk_gflop_spread = 0;  ///< standard deviation between images, by what each executes
  std::map<std::string, double> seconds;  ///< by stage
  double waited_share = 0;                ///< of the steps' time spent waiting for data
  int64_t peak_bytes = 0;                 ///< most memory that tensors held at once
  int64_t steps = 0;                      ///< of all stages
  int64_t skipped = 0;                    ///< of these, not taken: a number was none
  int64_t best_step = -1;                 ///< what was tested, chosen on validation data; -1: last
  /// eval.best = "per-task": of each task; best_step is then the latest of them.
  std::vector<int64_t> best_steps;
  /// eval.keep: run step and score of those that are kept, the best first.
  std::vector<std::pair<int64_t, double>> kept_best;
  std::map<std::string, int64_t> stopped;  ///< by stage: the step at which patience ended it
  /// The step of the weights that were tested; of each task's own: their mean.
  double tested_step() const;
  std::vector<std::string> tasks, blocks;
  std::vector<std::vector<int>> policy;  ///< select, task x block; empty: none
  std::vector<std::vector<double>> probability;
  std::vector<TaskResult> results;  ///< of the test split
  /// `together` where each image of the test took a route of its own; absent: it did not, or there
  /// was no test.
  Measure image_routes() const;
  /// `together` of routes that are the tasks'; absent where there is no second task.
  Measure task_routes() const;
  Measure
      cosine;  ///< between tasks' gradients, as balance.jsonl has it (conflict.h); not in the file
};

void write_summary(const std::string& folder, const RunSummary& summary);
/// DataError where the run is not finished or the file is broken.
RunSummary read_summary(const std::string& folder);

}  // namespace weft
