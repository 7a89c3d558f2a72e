// A task's classes one by one, from who was taken for whom (TaskDetail::confusion, each): of each class
//   intersection over union TP / (TP + FP + FN)    precision TP / (TP + FP)    recall TP / (TP + FN)
//   F1 2 TP / (2 TP + FP + FN)
// in percent; absent where there is nothing to divide by.
#pragma once

#include <string>
#include <vector>

#include "train/metrics/detail.h"
#include "train/metrics/measure.h"

namespace weft {

struct ClassScore {
  std::string name;
  int64_t labels = 0, predicted = 0, right = 0;

  Measure iou() const { return share(right, labels + predicted - right); }
  Measure precision() const { return share(right, predicted); }
  Measure recall() const { return share(right, labels); }
  Measure f1() const { return share(2 * right, labels + predicted); }

 private:
  static Measure share(int64_t part, int64_t all);
};

/// Of every class in order; empty where the task has none, or too many.
std::vector<ClassScore> class_scores(const TaskDetail& task);

}  // namespace weft
