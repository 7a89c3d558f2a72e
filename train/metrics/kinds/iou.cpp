// miou: the mean over classes of intersection over union, TP / (TP + FP + FN), pooled over the
// split; of the classes that are labelled or predicted, in compat of those with a true positive.
#include "train/metrics/kinds/confusion.h"
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

Measure mean_iou(const Confusion& c) {
  double sum = 0, present = 0;
  for (size_t i = 0; i < c.classes(); ++i) {
    const int64_t right = c.right(i), all = c.labelled(i) + c.predicted(i) - right;
    if (c.compat() ? right == 0 : all == 0) continue;
    sum += static_cast<double>(right) / static_cast<double>(all);
    present += 1;
  }
  return ratio(sum, present, 100);
}

constexpr MetricKind rows[] = {{.name = "miou",
                                .of = {TaskKind::segmentation},
                                .reads = reading<mean_iou>,
                                .better = Better::higher,
                                .shown = Shown::delta,
                                .in_studies = InStudies::leads}};

}  // namespace

MetricKinds iou_metrics() { return rows; }

}  // namespace weft
