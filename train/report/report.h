// Reports: all that a run folder, several, or a study holds, as one HTML page (page.h).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/study/tables.h"

namespace weft {

/// A run folder, and what only its network can draw.
struct ReportedRun {
  std::string folder;
  std::string plan;     ///< SVG: who executes what, once or how often; may be empty
  std::string sharing;  ///< SVG: which tasks go together; may be empty
};

/// Results and costs beside each other, curves, policies and how they came about, conflicts between
/// tasks, predictions, the test in detail, the run files. Runs that differ by their seed alone are a
/// row, and rows are held against `against` (significance.h), empty: the first. A run that is not
/// finished shows what there is. Pictures of a run folder that would make the page larger than 3 MB,
/// or are none of weft's, are named instead. DataError where a folder cannot be read, ConfigError
/// where its run.toml is not what was trained.
std::string run_report(const std::vector<ReportedRun>& runs, const std::string& against = "");

/// `against`: a method, or empty for the first. `text`: the study's tables as Markdown, its first line
/// a heading; pictures: a name and its SVG.
std::string study_report(const Study& study, const std::vector<StudyResult>& results,
                         const std::string& against, std::string_view text,
                         const std::vector<std::pair<std::string, std::string>>& curves,
                         const std::vector<std::pair<std::string, std::string>>& policies);

}  // namespace weft
