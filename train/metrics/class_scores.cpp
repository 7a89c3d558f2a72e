// class_scores: of a confusion, whose rows are labels and whose columns predictions, the last of which is
// no number; of a set of classes, whose classes are counted one by one.
#include "train/metrics/class_scores.h"

namespace weft {

Measure ClassScore::share(int64_t part, int64_t all) {
  if (all == 0) return std::nullopt;
  return 100 * static_cast<double>(part) / static_cast<double>(all);
}

std::vector<ClassScore> class_scores(const TaskDetail& task) {
  std::vector<ClassScore> scores;
  for (size_t c = 0; c < task.each.size(); ++c) {
    const ClassCount& count = task.each[c];
    scores.push_back({task.classes[c], count.labelled, count.predicted, count.right});
  }
  if (task.confusion.empty()) return scores;
  const size_t n = task.classes.size();
  const auto at = [&](size_t label, size_t said) { return task.confusion[label * (n + 1) + said]; };
  for (size_t c = 0; c < n; ++c) {
    ClassScore& score = scores.emplace_back();
    score.name = task.classes[c];
    score.right = at(c, c);
    for (size_t said = 0; said <= n; ++said) score.labels += at(c, said);
    for (size_t label = 0; label < n; ++label) score.predicted += at(label, c);
  }
  return scores;
}

}  // namespace weft
