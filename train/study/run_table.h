// What people read at the end: the table of runs with Delta_T, and the learned policy, task x block,
// for a terminal.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/metrics/delta.h"
#include "train/run_folder/run_folder.h"
#include "train/run_folder/summary.h"
#include "train/study/table_text.h"

namespace weft {

/// One row a run, columns: the tasks' metrics (of all runs: "-" where one has no such task, metric
/// or test split), where one was watched the mean cosine between tasks' gradients, Delta_T against
/// the first `single` run of the list (where there is one, of the same tasks), parameters, FLOPs an
/// image, seconds. A loss no better than a constant prediction's is marked, and a line below says so
/// (not in CSV, which has every metric, and all digits of everything).
/// Runs are columns where `turned`, and on a terminal: there are few of them and many metrics.
std::string table(const std::vector<RunSummary>& runs, TableStyle style = TableStyle::text,
                  bool turned = false);

/// What a study's tables and lines of progress show of a task beside its loss, the one that leads
/// first: accuracy says little where one class is rare, and an error alone does not say whether
/// anything was learned.
std::vector<Metric> shown_metrics(const TaskResult& result);
/// Those that every task shows, errors in the same unit.
std::vector<std::string> common_metrics(const std::vector<TaskResult>& results);

/// What Delta_T compares: the tests' metrics, task by task.
MetricsOfTasks metrics_of(const RunSummary& run);
/// Of all its stages.
double seconds_of(const RunSummary& run);

/// Rows are tasks, columns blocks; a filled square executes, and the shade is p_select.
std::string policy_text(const RunSummary& run, bool colour);

}  // namespace weft
