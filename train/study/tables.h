// What a study found: per set a table of its methods (rows) with mean ± standard deviation over
// seeds of each task's first metric and loss on the test split, Delta_T against the single-task
// method with the same seed, and a table of what each method costs. As Markdown, LaTeX and CSV; the
// CSVs hold every metric. Only finished cells count, and the tables say how many there are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/run_folder/summary.h"
#include "train/study/study.h"

namespace weft {

/// Sets of more tasks are shown by means over their tasks; the CSVs hold each.
inline constexpr size_t most_tasks_shown = 7;

/// Mean and sample standard deviation (n - 1) of the values that are there; one that is NaN or
/// infinite makes both NaN.
struct Spread {
  Measure mean;  ///< absent where n is 0
  double deviation = 0;
  int n = 0;
};
Spread spread_of(const std::vector<Measure>& values);
/// "0.5123 ± 0.0045", as many decimals as number_text gives the mean; alone where nothing varies.
std::string spread_text(const Spread& spread);

struct StudyRow {
  std::string method;
  Sharing sharing = Sharing::adashare;
  int64_t steps = 0;                       ///< of all stages, planned
  std::vector<Words> trials = {};          ///< their settings
  std::vector<Measure> trial_losses = {};  ///< mean over the trial seeds
  std::optional<size_t> trial = {};        ///< the chosen one
  std::vector<RunSummary> runs = {};       ///< finished, of the chosen trial, by seed
};

struct StudyResult {
  std::string set;
  std::vector<StudyRow> rows;
};

/// Reads the finished cells' folders.
std::vector<StudyResult> study_results(const Study& study, const std::vector<StudyCell>& cells);

std::string study_markdown(const Study& study, const std::vector<StudyResult>& results);
std::string study_latex(const Study& study, const std::vector<StudyResult>& results);
/// set,method,trial,task,quantity,seeds,mean,deviation
std::string study_csv(const std::vector<StudyResult>& results);
/// set,method,trial,seed,task,quantity,value
std::string study_cells_csv(const std::vector<StudyResult>& results);

}  // namespace weft
