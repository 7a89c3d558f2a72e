// The files of metrics, and what a name alone says of its metric. A task's metrics are shown in this
// order.
#include <vector>

#include "train/metrics/kinds/metric_kind.h"
#include "train/metrics/metrics.h"

// clang-format off
#define WEFT_METRICS(file) \
  file(iou) \
  file(accuracy) \
  file(balanced_accuracy) \
  file(f1) \
  file(frequency_weighted_iou) \
  file(mean_loss) \
  file(ranking) \
  file(label_set) \
  file(normals) \
  file(absolute_error) \
  file(depth) \
  file(regression) \
  file(measured)
// clang-format on

namespace weft {

#define WEFT_DECLARE(file) MetricKinds file##_metrics();
WEFT_METRICS(WEFT_DECLARE)

const std::vector<MetricKind>& metric_kinds() {
  static const std::vector<MetricKind> all = [] {
    std::vector<MetricKind> kinds;
    const auto add = [&](MetricKinds file) { kinds.insert(kinds.end(), file.begin(), file.end()); };
#define WEFT_ADD(file) add(file##_metrics());
    WEFT_METRICS(WEFT_ADD)
    return kinds;
  }();
  return all;
}

namespace {

const MetricKind* kind_of(std::string_view metric) {
  for (const MetricKind& kind : metric_kinds())
    if (kind.name == metric) return &kind;
  return nullptr;
}

}  // namespace

bool higher_is_better(std::string_view metric) {
  const MetricKind* kind = kind_of(metric);
  return kind != nullptr && kind->better == Better::higher;
}

bool counts_in_delta(std::string_view metric) {
  const MetricKind* kind = kind_of(metric);
  return kind != nullptr && kind->shown == Shown::delta;
}

bool is_in_tables(std::string_view metric) {
  const MetricKind* kind = kind_of(metric);
  return kind != nullptr && kind->shown != Shown::eval;
}

bool in_label_unit(std::string_view metric) {
  const MetricKind* kind = kind_of(metric);
  return kind != nullptr && kind->unit == Unit::label;
}

bool leads_in_studies(std::string_view metric) {
  const MetricKind* kind = kind_of(metric);
  return kind != nullptr && kind->in_studies == InStudies::leads;
}

bool follows_in_studies(std::string_view metric) {
  const MetricKind* kind = kind_of(metric);
  return kind != nullptr && kind->in_studies == InStudies::follows;
}

}  // namespace weft
