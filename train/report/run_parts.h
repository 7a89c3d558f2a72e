// What a run's folder has to show beyond its numbers, part by part: what each task costs, its policy and who
// shares what, the conflicts between its tasks, its predictions, the test in detail, the best and the worst samples. The
// page of a run has each as a section, the page of a study folds them away for one run of each method.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "train/report/page.h"
#include "train/report/report.h"
#include "train/run_file/run_file.h"
#include "train/run_folder/run_folder.h"
#include "train/run_folder/test_record.h"

namespace weft {

/// A run folder, read.
struct ReadRun {
  ReportedRun reported;
  std::string folder, name, run_text;
  RunFile run;
  std::optional<RunSummary> summary;  ///< none: not finished
  std::vector<MetricsLine> metrics;
  std::vector<SearchLine> search;
  std::vector<std::string> tasks, blocks;
  std::optional<DataSummary> data;
  std::optional<std::vector<TaskDetail>> test;
};
ReadRun read_run(const ReportedRun& reported);

enum class RunPart : uint8_t { costs, policy, conflicts, predictions, test, extremes };
constexpr std::array<const char*, 6> words_of(RunPart) {
  return {"Cost of each task", "Sharing and policy", "Conflicts between tasks",
          "Predictions",       "The test in detail", "Best and worst cases"};
}
inline constexpr std::array<RunPart, 6> run_parts{RunPart::costs,     RunPart::policy,
                                                  RunPart::conflicts, RunPart::predictions,
                                                  RunPart::test,      RunPart::extremes};

/// Says of pictures that the page had no room for where they are: "; `weft report RUN` has them".
void say_left_out(Page& page, const std::string& where);

/// Whether the run has anything to say of it.
bool has_part(const ReadRun& run, RunPart part);

/// Puts parts of runs into a page, without their titles.
class RunParts {
 public:
  /// `alone`: the page is of one run, so that no other has more of it.
  explicit RunParts(Page& page, bool alone = false) : page_(page), alone_(alone) {}
  /// `id`: of the run, unlike any other in the page.
  void put(const ReadRun& run, RunPart part, const std::string& id);
  /// One that the run left in its folder, where it is there.
  void picture(const ReadRun& run, const char* name);
  /// Runs of an older weft, or not finished, have no such file. `also`: who else.
  void say_missing(const ReadRun& run, const char* file, const char* also);

 private:
  void policy(const ReadRun& run, const std::string& id);
  void legend(const ReadRun& run);

  Page& page_;
  bool alone_;
  std::set<std::string> legends_;  ///< tasks whose colours are explained already
};

}  // namespace weft
