// balanced_accuracy: the mean over the classes that have labels of found / labels, in percent: a
// rare class counts as much as any. Also called mean class accuracy, and mean recall.
#include "train/metrics/kinds/confusion.h"
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

Measure mean_recall(const Confusion& c) {
  double sum = 0, present = 0;
  for (size_t i = 0; i < c.classes(); ++i) {
    const int64_t labels = c.labelled(i);
    if (labels == 0) continue;
    sum += static_cast<double>(c.right(i)) / static_cast<double>(labels);
    present += 1;
  }
  return ratio(sum, present, 100);
}

constexpr MetricKind rows[] = {{.name = "balanced_accuracy",
                                .of = {TaskKind::segmentation, TaskKind::classification},
                                .reads = reading<mean_recall>,
                                .better = Better::higher}};

}  // namespace

MetricKinds balanced_accuracy_metrics() { return rows; }

}  // namespace weft
