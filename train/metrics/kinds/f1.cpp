// f1, in percent: the harmonic mean of precision and recall of a class, 2 TP / (2 TP + FP + FN). Of a
// binary task that of its positives; else the mean over the classes that are labelled or predicted
// (macro F1), in which a rare class counts as much as any. A prediction that is no number finds nothing.
#include "train/metrics/kinds/confusion.h"
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

Measure f1_of(const Confusion& c, size_t i) {
  return ratio(2 * static_cast<double>(c.right(i)),
               static_cast<double>(c.labelled(i) + c.predicted(i)), 100);
}

Measure macro_f1(const Confusion& c) {
  double sum = 0, present = 0;
  for (size_t i = 0; i < c.classes(); ++i)
    if (const Measure f1 = f1_of(c, i)) {
      sum += *f1;
      present += 1;
    }
  return ratio(sum, present);
}

Measure positive_f1(const Confusion& c) { return f1_of(c, 1); }

constexpr MetricKind rows[] = {{.name = "f1",
                                .of = {TaskKind::segmentation, TaskKind::classification},
                                .reads = reading<macro_f1>,
                                .better = Better::higher},
                               {.name = "f1",
                                .of = {TaskKind::binary},
                                .reads = reading<positive_f1>,
                                .better = Better::higher}};

}  // namespace

MetricKinds f1_metrics() { return rows; }

}  // namespace weft
