// Reports: all that a run folder, several, or a study holds, as one HTML page (page.h).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/export/network.h"
#include "train/study/tables.h"

namespace weft {

/// What a network stores and computes for one sample.
struct NetworkCost {
  std::string task;  ///< alone
  ExportedCost cost;
};

/// A run folder, and what only its network can say.
struct ReportedRun {
  std::string folder;
  std::string plan = {};                ///< SVG: who executes what, once or how often; may be empty
  std::string sharing = {};             ///< SVG: which tasks go together; may be empty
  std::vector<NetworkCost> tasks = {};  ///< of what each executes; empty: not known
  ExportedCost together = {}, full = {};  ///< of all; of all where each executes every block
  std::string no_costs = {};              ///< why they are not known, where there is a reason
};

/// Results and costs beside each other, curves, policies and how they came about, conflicts between
/// tasks, predictions, the test in detail, the run files. Runs that differ by their seed alone are a
/// row, and rows are held against `against` (significance.h), empty: the first. A run that is not
/// finished shows what there is. Pictures that would make the page larger than 3 MB are left out, which
/// it says; those of a run folder that are none of weft's are named. DataError where a folder cannot be
/// read, ConfigError where its run.toml is not what was trained.
std::string run_report(const std::vector<ReportedRun>& runs, const std::string& against = "");

/// What a study's finished cells say, as it is written into its folder and shown in its page.
struct StudyFound {
  using Pictures = std::vector<std::pair<std::string, std::string>>;  ///< a name and its SVG
  std::vector<StudyResult> results;
  std::string tables;  ///< and policies, Markdown, the study's name as its heading
  Pictures curves, policies;
  std::vector<std::string> first;  ///< folder of each method's run with its first finished seed
};
/// `how`: a line on how and where the cells ran, Markdown; may be empty.
StudyFound study_found(const Study& study, const std::vector<StudyCell>& cells,
                       const std::string& how);
/// ConfigError where `against` is neither a method nor empty.
void require_method(const Study& study, const std::string& against);
struct StudyPage {
  std::string html;
  std::vector<std::string> curves_left_out, policies_left_out;  ///< names: there was no room
};
/// `against`: a method, or empty for the first. `first`: of found.first, each folded away with what its
/// folder has to show. Pictures that would make the page larger than 3 MB are left out, which it says:
/// curves and policies from the last on, those of runs shared fairly, and the run's own page is named.
StudyPage study_report(const Study& study, const StudyFound& found,
                       const std::vector<ReportedRun>& first, const std::string& against);
/// A line each on curves and policies that the page leaves out, and where in the study's folder they are.
std::string left_out_text(const StudyPage& page, const std::string& folder);

}  // namespace weft
