// Scores of evaluations.
#include "train/step/choice.h"

#include <limits>

#include "train/metrics/delta.h"

namespace weft {

double relative_loss(double loss, const Measure& constant) {
  return constant && *constant > 0 ? loss / *constant : loss;
}

std::vector<Measure> task_scores(const RunFile& run, const std::vector<TaskResult>& results) {
  const auto references =
      run.semantics == Semantics::compat ? official_references(run.name, run.tasks) : std::nullopt;
  std::vector<Measure> out;
  for (size_t k = 0; k < results.size(); ++k) {
    const TaskResult& r = results[k];
    Measure& of_task = out.emplace_back();
    if (!run.tasks[k].chooses && !is_fault(r.loss)) continue;
    if (!r.loss || (run.tasks[k].weight == 0 && !is_fault(r.loss))) continue;
    if (references)
      of_task = -relative_score({r.metrics}, {(*references)[k]});
    else
      of_task = relative_loss(*r.loss, r.constant);
    if (is_fault(r.loss) || is_fault(of_task)) of_task = std::numeric_limits<double>::infinity();
  }
  return out;
}

double score(const RunFile& run, const std::vector<TaskResult>& results) {
  double sum = 0;
  for (const Measure& of_task : task_scores(run, results)) sum += of_task.value_or(0);
  return sum;
}

bool no_better_than_constant(const TaskResult& r) {
  return r.loss && r.constant && *r.constant > 0 && !(*r.loss < *r.constant);
}

std::string worse_than_constant(const std::vector<TaskResult>& results) {
  std::string text;
  for (const TaskResult& r : results)
    if (no_better_than_constant(r))
      text += fmt::format("{}{} {} (constant {})", text.empty() ? "" : ", ", r.task,
                          fixed_text(r.loss, 4), fixed_text(r.constant, 4));
  return text.empty() ? "" : "no better than a constant prediction: " + text;
}

}  // namespace weft
