// The run folder: run.toml, metrics.jsonl, policy/{search.jsonl,drawn.json}, checkpoints/,
// pictures/, measured.json and log.txt (ARCHITECTURE.md section 11). A metrics line is
// {"phase","step","epoch","split", "task","loss","metrics":{},"seconds"}; only "seconds" differs
// from run to run. Lines are flushed.
#pragma once

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "models/policy.h"
#include "train/metrics.h"
#include "train/state.h"

namespace weft {

struct MetricsLine {
  Phase phase = Phase::warmup;
  int64_t step = 0;  ///< of the run
  int64_t epoch = 0;
  std::string split, task;
  Measure loss = 0;  ///< absent: the task had no label; in the file null, NaN is "nan"
  std::vector<Metric> metrics;
  double seconds = 0;  ///< since the run (or its last resume) began
  int64_t faults = 0;  ///< as TaskResult's; in the file where there are any
};

/// One policy epoch of the search.
struct SearchLine {
  int64_t epoch = 0, step = 0;
  double temperature = 0;
  int active = 0;
  std::vector<std::vector<double>> probability;  ///< of select, task x block
};

/// What is measured rather than computed, which the state (and its bits) knows nothing of: written
/// with every checkpoint, so that a resumed run adds to it.
struct Measured {
  std::array<double, 4> seconds{};  ///< in the steps of each stage, in Stage's order
  double waited = 0;                ///< of these, for data
  int64_t peak_bytes = 0;           ///< most memory that tensors held at once
};

class RunFolder {
 public:
  /// Creates the folder; ConfigError where it exists and is not empty.
  static RunFolder create(const std::string& path, const std::string& run_text);
  /// Opens one to go on from run step `step`: later lines of the .jsonl files are dropped.
  static RunFolder resume(const std::string& path, int64_t step);
  RunFolder(RunFolder&&) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::string& path() const { return path_; }
  std::string checkpoint(const std::string& name) const;  ///< checkpoints/NAME.safetensors
  std::string picture(const std::string& name) const;     ///< pictures/NAME
  void write(const MetricsLine& line);
  void write(const SearchLine& line, const std::vector<std::string>& tasks);
  void log(const std::string& line);
  void write_drawn(const std::string& json);
  void write(const Measured& measured) const;

 private:
  explicit RunFolder(std::string path);
  void open_files();

  std::string path_;
  std::FILE* metrics_ = nullptr;
  std::FILE* search_ = nullptr;
  std::FILE* log_ = nullptr;
};

/// Policy JSON of ARCHITECTURE.md section 11.
std::string policy_json(const DrawnPolicy& policy, const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks,
                        const std::vector<std::vector<double>>& probability, uint64_t seed);
/// Reads one, drawn by weft or edited by hand; tasks and blocks must be the model's (DataError).
DrawnPolicy read_policy(const std::string& path, const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks);

/// Zeros where the folder has none.
Measured read_measured(const std::string& folder);
std::vector<MetricsLine> read_metrics(const std::string& path);
std::vector<SearchLine> read_search(const std::string& path, const std::vector<std::string>& tasks);

}  // namespace weft
