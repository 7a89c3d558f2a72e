// err: the mean loss of segmentation, under the name that Taskonomy's results give it.
#include "train/metrics/kinds/mean_loss.h"

#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

Measure mean_loss(const MeanLoss& loss) { return loss.value(); }

constexpr MetricKind rows[] = {{.name = "err",
                                .of = {TaskKind::segmentation},
                                .reads = reading<mean_loss>,
                                .better = Better::lower}};

}  // namespace

MetricKinds mean_loss_metrics() { return rows; }

}  // namespace weft
