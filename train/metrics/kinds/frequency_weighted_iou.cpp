// fw_iou: intersection over union of every class, weighted by the class's share of the labels, in
// percent (Long et al., CVPR 2015, arXiv 1411.4038: frequency weighted IU): miou that rare classes
// do not rule.
//   sum_i t_i TP_i / (t_i + p_i - TP_i) / sum_i t_i;  t, p: labels and predictions of class i
#include "train/metrics/kinds/confusion.h"
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

Measure weighted_iou(const Confusion& c) {
  double sum = 0, labels = 0;
  for (size_t i = 0; i < c.classes(); ++i) {
    const auto labelled = static_cast<double>(c.labelled(i));
    if (labelled == 0) continue;
    const auto right = static_cast<double>(c.right(i));
    sum += labelled * right / (labelled + static_cast<double>(c.predicted(i)) - right);
    labels += labelled;
  }
  return ratio(sum, labels, 100);
}

constexpr MetricKind rows[] = {{.name = "fw_iou",
                                .of = {TaskKind::segmentation},
                                .reads = reading<weighted_iou>,
                                .better = Better::higher}};

}  // namespace

MetricKinds frequency_weighted_iou_metrics() { return rows; }

}  // namespace weft
