// What TensorBoard shows of a run (log.tensorboard): events.out.tfevents.* in its folder say what
// metrics.jsonl and search.jsonl say, line by line, at the run's step.
//   loss/SPLIT/TASK   METRIC/SPLIT/TASK   rate/GROUP   p_select/TASK (histogram over blocks)   policy
// `policy` is a picture: a row a task, a column a block, white where p(select) is 1. The sheets that
// the run's end draws (pictures/NAME.svg) are there as NAME: samples, predictions, extremes. A run that
// goes on begins a file of its own, which tells TensorBoard to forget what the last one has from that
// step on.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/event_file.h"
#include "train/run_folder/run_folder.h"

namespace weft {

class EventLog {
 public:
  static constexpr const char* file_stem = "events.out.tfevents.";
  /// `state`: where the run begins, or goes on from. The file is made by the first line.
  EventLog(std::string folder, RunFile run, const TrainState& state);

  void write(const MetricsLine& line);
  void write(const SearchLine& line, const std::vector<std::string>& tasks);
  /// Values 0..1.
  void write(const std::string& name, int64_t step, const Picture& picture);

 private:
  EventFile& file();
  void write_rates(Phase phase, int64_t step);

  std::string folder_;
  RunFile run_;
  int64_t begun_at_;  ///< the run's step that this process began at
  Stage stage_;
  int64_t stage_begun_at_;  ///< the run's step that `stage_` began at
  int64_t rates_of_ = -1;   ///< the step whose rates were written last
  std::optional<EventFile> file_;
};

/// What moves each group of parameters in step `step` (from 0) of the phase's stage, by the names of
/// the groups: heads, trunk, stitches where the way of sharing has them; logits in a policy step.
std::vector<std::pair<std::string, double>> rates_at(const RunFile& run, Phase phase, int64_t step);

}  // namespace weft
