// abs: the mean of |prediction - label|, in the labels' unit, of depth, edges and keypoints. Compat:
// the mean of batches' means, weighted by their images.
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

struct AbsoluteError final : Tally {
  explicit AbsoluteError(const TallyOf& of) : mean(of.compat()) {}

  void add_row(const double* values, const float* label, int64_t width) override {
    for (int64_t x = 0; x < width; ++x)
      if (!std::isnan(label[x])) mean.add(std::abs(values[x] - label[x]));
  }
  void add_batch(const Tensor&, const Tensor& labels) override {
    mean.end_batch(labels.shape()[0]);
  }

  void join(Ranks& ranks) override { mean.join(ranks); }

  Mean mean;
};

Measure mean_of(const AbsoluteError& error) { return error.mean.value(); }

constexpr MetricKind rows[] = {{.name = "abs",
                                .of = {TaskKind::depth, TaskKind::edges, TaskKind::keypoints},
                                .reads = reading<mean_of>,
                                .better = Better::lower,
                                .shown = Shown::delta,
                                .in_studies = InStudies::leads,
                                .unit = Unit::label}};

}  // namespace

MetricKinds absolute_error_metrics() { return rows; }

}  // namespace weft
