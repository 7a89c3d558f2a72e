// Runs the cells of a study that are not finished, several side by side, each as a child process
// `weft train`: new, or on from its last checkpoint. A cell that fails is reported and the others
// go on. A signal stops the children with a checkpoint each and then the study (Stopped). Several
// GPUs of one machine share the cells: each child sees one card, the one with the fewest cells. What
// the cells side by side keep of decoded samples is shared out among them (data/cached.h). Several of
// these programs, ranks of one job, may share a study's folder: each takes cells that no other has
// (cell_claim.h), and all run until every cell has ended.
#pragma once

#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/cli/cell_claim.h"
#include "train/cli/child.h"
#include "train/cli/study_steps.h"
#include "train/loop/progress.h"
#include "train/ranks/job.h"
#include "train/study/study.h"

namespace weft::cli {

struct RunnerOptions {
  std::string command = {};  ///< what goes on with the study where it was stopped, for its messages
  std::vector<std::string> gpus;  ///< gpu_names; empty: children see what this process sees
  /// After so long no further cell is started; those that run end.
  double start_seconds = std::numeric_limits<double>::infinity();
  bool shares = false;  ///< the folder with other ranks of one job
  HostRank here = {};   ///< of the ranks on this machine
};

/// Until no process runs cells of the study in `folder`. While it lives none can begin.
class StudyFolderLock {
 public:
  enum class Kind { alone, shared };
  /// ConfigError where another study is being run there. Waits up to a minute for one that shares,
  /// and for ever with `until_free`.
  StudyFolderLock(const std::string& folder, Kind kind, bool until_free = false);
  ~StudyFolderLock();
  StudyFolderLock(const StudyFolderLock&) = delete;
  StudyFolderLock& operator=(const StudyFolderLock&) = delete;

 private:
  int file_;
};

class StudyRunner {
 public:
  StudyRunner(const Study& study, const std::vector<StudyCell>& cells, RunnerOptions options);
  ~StudyRunner();

  /// To the end, or that of the cells that were started in time. Returns the exit codes of the cells
  /// that failed, here or on another rank.
  std::vector<int> run();

 private:
  enum class State { open, running, finished, failed, left_out };
  struct Running {
    size_t cell;
    Child child;
    int64_t from;  ///< the run's step where the child began
    size_t gpu;    ///< of options.gpus
    std::optional<CellClaim> claim;
  };

  /// Sees what other ranks have finished of the open cells, at most once a second; whether cells may be
  /// begun now.
  bool look_around();
  /// Whether the cell is this process's to run; it has ended elsewhere, or runs there, where not.
  bool claim(size_t cell);
  /// How many cells nobody has begun.
  size_t not_started();
  void start(size_t cell);
  void reap();
  [[noreturn]] void stop(int signal);
  void show();
  void say(const std::string& line) { progress_.say(line); }
  /// The next cell to run; cells that need not run are left out on the way.
  std::optional<size_t> next();
  State decided(size_t cell);
  /// The set's and method's winner, once its trials are finished.
  std::optional<size_t> chosen_trial(size_t set, size_t method);
  bool room() const;
  bool late() const;
  size_t idlest_gpu() const;
  size_t count(State state) const;
  /// The cell ends without having finished.
  void give_up(size_t cell, State how);
  /// "  about 0:12 left" of the whole study; "" before this call's first step and after the last.
  std::string time_left() const;

  const Study& study_;
  const std::vector<StudyCell>& cells_;
  const RunnerOptions options_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  const CellClaim::Time begun_ = std::chrono::system_clock::now();  ///< as files have it
  std::vector<State> states_;
  std::vector<Running> running_;
  std::vector<int> failures_;
  std::map<std::pair<size_t, size_t>, size_t> chosen_;
  size_t slots_;
  int64_t cache_ = 0;      ///< bytes that each cell may keep of decoded samples
  int64_t hungriest_ = 0;  ///< most memory that a cell has had resident
  StudyFolderLock lock_;
  std::optional<CellClaim> claim_;                  ///< of the cell that next() found
  std::chrono::steady_clock::time_point looked_{};  ///< long ago: a cell has ended here
  StudySteps steps_;
  Progress progress_;
};

}  // namespace weft::cli
