// The share of labels that were found, in percent: pixel_acc of segmentation, accuracy of classes
// and of binary labels (right where the logit's sign is). Compat: means of batches; where `ignore`
// is negative, pixels without a label are wrong: the official mask is `label < classes`, which an
// id of -1 passes and 255 does not.
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

class Found final : public Tally {
 public:
  explicit Found(const TallyOf& of)
      : mean_(of.compat()),
        counts_all_(of.compat() && of.task.kind == TaskKind::segmentation &&
                    of.task.ignore.value_or(0) < 0) {}

  void add_row(const double* ids, const float* label, int64_t width) override {
    for (int64_t x = 0; x < width; ++x)
      if (!std::isnan(label[x])) mean_.add(static_cast<double>(label[x]) == ids[x] ? 1 : 0);
  }
  void add_batch(const Tensor&, const Tensor& labels) override {
    const int64_t images = labels.shape()[0];
    if (counts_all_)
      mean_.end_batch(images, static_cast<double>(labels.numel()));
    else
      mean_.end_batch(images);
  }
  void join(Ranks& ranks) override { mean_.join(ranks); }
  Measure percent() const { return mean_.value(100); }

 private:
  Mean mean_;
  bool counts_all_;
};

Measure percent(const Found& found) { return found.percent(); }

constexpr MetricKind rows[] = {
    {.name = "pixel_acc",
     .of = {TaskKind::segmentation},
     .reads = reading<percent>,
     .better = Better::higher,
     .shown = Shown::delta},
    {.name = "accuracy",
     .of = {TaskKind::classification, TaskKind::binary},
     .reads = reading<percent>,
     .better = Better::higher,
     .shown = Shown::delta,
     .in_studies = InStudies::follows},
};

}  // namespace

MetricKinds accuracy_metrics() { return rows; }

}  // namespace weft
