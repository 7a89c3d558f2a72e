// The run folder: run.toml, metrics.jsonl, balance.jsonl (balance.watch),
// policy/{search.jsonl,drawn.json}, checkpoints/,
// pictures/, measured.json, summary.json and log.txt (docs/architecture.md section 9.3). A line of
// metrics.jsonl is an object with the keys
//   phase  step  epoch  split  task  loss  metrics  seconds
// of which only "seconds" differs from run to run. A folder has one owner (.lock), and what a
// checkpoint counts on has reached the disk before it.
#pragma once

#include <array>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "io/line_file.h"
#include "io/picture.h"
#include "models/policy.h"
#include "train/metrics/metrics.h"
#include "train/run_folder/folder_lock.h"
#include "train/step/balance_record.h"
#include "train/step/state.h"

namespace weft {

/// What a line of an evaluation calls the loss of the best constant prediction, among its metrics.
inline constexpr const char* constant_loss = "constant_loss";

struct MetricsLine {
  Phase phase = Phase::warmup;
  int64_t step = 0;  ///< of the run
  int64_t epoch = 0;
  std::string split, task;
  Measure loss = 0;  ///< absent: the task had no label; in the file null, NaN is "nan"
  std::vector<Metric> metrics;
  double seconds = 0;    ///< since the run (or its last resume) began
  int64_t faults = 0;    ///< as TaskResult's; in the file where there are any
  bool stopped = false;  ///< patience ended the phase here (train/loop/patience.h); so too
};

/// What the tasks did to each other in one step: a line of balance.jsonl,
///   phase  step  epoch  tasks  weights  stages: [{stage  norms  cosines}]
/// of the m tasks in the step; cosines are m lists of m.
struct BalanceLine {
  Phase phase = Phase::warmup;
  int64_t step = 0;  ///< of the run
  int64_t epoch = 0;
  BalanceRecord record;
};

/// One policy epoch of the search.
struct SearchLine {
  int64_t epoch = 0, step = 0;
  double temperature = 0;
  int active = 0;
  std::vector<std::vector<double>> probability;  ///< of select, task x block
  Measure together = {};                         ///< Policy::together; none: not in the file
};

/// What is measured rather than computed, which the state (and its bits) knows nothing of: written
/// with every checkpoint, so that a resumed run adds to it.
struct Measured {
  std::array<double, 4> seconds{};  ///< in the steps of each stage, in Stage's order
  double waited = 0;                ///< of these, for data
  int64_t peak_bytes = 0;           ///< most memory that tensors held at once

  /// Of all stages together.
  double in_steps() const { return std::accumulate(seconds.begin(), seconds.end(), 0.0); }
};

class EventLog;

class RunFolder {
 public:
  /// ConfigError where create() would refuse `path`: asked before anything takes time.
  static void require_new(const std::string& path);
  /// Creates the folder, or takes over what a run left in it that died before its first checkpoint;
  /// ConfigError where it holds anything else, or another process trains in it.
  static RunFolder create(const std::string& path, const std::string& run_text);
  /// Opens one to go on from run step `step`: later lines of the .jsonl files are dropped, as are
  /// the temporary files of dead processes. `counted`: the lines that the checkpoint counts on.
  static RunFolder resume(FolderLock lock, int64_t step, const RecordLines& counted);
  RunFolder(RunFolder&&) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  /// Removes what create() has made: the run's first step failed, and nothing is lost.
  void discard() noexcept;
  /// A sentence for each .jsonl file that lacks lines which the checkpoint counts on.
  const std::vector<std::string>& gaps() const { return gaps_; }
  /// Waits until all lines have reached the disk, and counts them.
  RecordLines sync() const;

  const std::string& path() const { return lock_.folder(); }
  std::string checkpoint(const std::string& name) const;  ///< checkpoints/NAME.safetensors
  std::string picture(const std::string& name) const;     ///< pictures/NAME
  void write(const MetricsLine& line);
  void write(const SearchLine& line, const std::vector<std::string>& tasks);
  void write(const BalanceLine& line, const std::vector<std::string>& tasks);
  void log(const std::string& line);
  void write_policy(const std::string& json);
  void write_run(const std::string& text);  ///< run.toml anew
  /// From here on TensorBoard is told the same (event_log.h).
  void record_events(const RunFile& run, const TrainState& state);
  /// A picture, values 0..1, for TensorBoard alone.
  void show(const std::string& name, int64_t step, const Picture& picture);
  void write(const Measured& measured) const;

 private:
  explicit RunFolder(FolderLock lock);
  void open_files(const RecordLines& kept);

  FolderLock lock_;
  std::optional<LineFile> metrics_, search_, log_;
  std::optional<LineFile> balance_;        ///< made by its first line
  std::unique_ptr<EventLog> events_;       ///< null: log.tensorboard is false
  bool begun_here_ = false;                ///< by this process's create()
  std::vector<std::string> made_folders_;  ///< the outermost first
  std::vector<std::string> gaps_;
};

/// ConfigError, naming the first difference, where the folder's run.toml no longer says what
/// `run_text` does, the run file in its checkpoint; but for data.root.
void require_same_run(const std::string& folder, const std::string& run_text);

/// Policy JSON of docs/architecture.md section 9.4.
std::string policy_json(const BinaryPolicy& policy, const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks,
                        const std::vector<std::vector<double>>& probability, uint64_t seed);
/// Reads one, sampled by weft or edited by hand; tasks and blocks must be the model's, and gates
/// `least` to `most`, Policy's (DataError).
BinaryPolicy read_policy(const std::string& path, const std::vector<std::string>& tasks,
                         const std::vector<std::string>& blocks, int most = 1, int least = 0);
/// The same of a text in memory; `path` only serves the messages.
BinaryPolicy parse_policy(const std::string& text, const std::string& path,
                          const std::vector<std::string>& tasks,
                          const std::vector<std::string>& blocks, int most = 1, int least = 0);

/// Zeros where the folder has none; what cannot be read is a DataError, here and below.
Measured read_measured(const std::string& folder);
std::vector<MetricsLine> read_metrics(const std::string& path);
std::vector<BalanceLine> read_balance(const std::string& path,
                                      const std::vector<std::string>& tasks);
std::vector<SearchLine> read_search(const std::string& path, const std::vector<std::string>& tasks);

}  // namespace weft
