// Each sentence is a line of Markdown.
#include "train/study/lines.h"

#include <algorithm>

namespace weft {

std::string steps_line(const StudyResult& result) {
  const auto& rows = result.rows;
  const bool same = std::all_of(rows.begin(), rows.end(),
                                [&](const StudyRow& r) { return r.steps == rows[0].steps; });
  std::string list, ended;
  for (const StudyRow& row : rows) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", row.method, row.steps);
    int64_t least = row.steps, most = 0, runs = 0;
    for (const RunSummary& run : row.runs) {
      if (run.stopped.empty()) continue;
      least = std::min(least, run.steps);
      most = std::max(most, run.steps);
      ++runs;
    }
    if (runs > 0)
      ended += fmt::format("{}{} after {} to {} ({} of {} seeds)", ended.empty() ? "" : ", ",
                           row.method, least, most, runs, row.runs.size());
  }
  if (!ended.empty()) ended = fmt::format(" eval.patience ended {}.", ended);
  const char* planned = ended.empty() ? "" : " planned";
  if (same)
    return fmt::format("Steps{}: {} for every method, all stages counted.{}\n", planned,
                       rows[0].steps, ended);
  return fmt::format("Steps{} differ, all stages counted: {}.{}\n", planned, list, ended);
}

std::string converged_line(const StudyResult& result) {
  std::string list;
  size_t finished = 0;
  for (const StudyRow& row : result.rows) {
    finished += row.runs.size();
    const auto last = std::count_if(row.runs.begin(), row.runs.end(), [](const RunSummary& r) {
      return r.best_step < 0 || r.best_step == r.steps;
    });
    if (last > 0)
      list += fmt::format("{}{} ({} of {} seeds)", list.empty() ? "" : ", ", row.method, last,
                          row.runs.size());
  }
  if (finished == 0) return "";
  return list.empty()
             ? "Validation score was least before the last step for every method.\n"
             : fmt::format("Validation score was still least at the last step: {}.\n", list);
}

}  // namespace weft
