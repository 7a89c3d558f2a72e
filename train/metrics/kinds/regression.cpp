// Regression, in the labels' unit, standardised or not:
//   mae: mean |p - y|;  rmse: sqrt(mean (p - y)^2);  r2: 1 - sum (p - y)^2 / sum (y - mean y)^2
// r2 may be 0 or negative, so a relative change of it means nothing: it is no part of Delta_T.
#include <vector>

#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

struct Errors final : Tally {
  explicit Errors(const TallyOf& of) : deviation(of.deviation) {}

  void add_row(const double* values, const float* label, int64_t width) override {
    for (int64_t x = 0; x < width; ++x) {
      if (std::isnan(label[x])) continue;
      errors.push_back(deviation * (values[x] - label[x]));
      labels.push_back(deviation * label[x]);
    }
  }
  void join(Ranks& ranks) override {
    ranks.join(errors);
    ranks.join(labels);
  }
  double count() const { return static_cast<double>(labels.size()); }
  double squares() const {
    double sum = 0;
    for (double error : errors) sum += error * error;
    return sum;
  }

  double deviation;
  std::vector<double> errors, labels;
};

Measure mae(const Errors& e) {
  double sum = 0;
  for (double error : e.errors) sum += std::abs(error);
  return ratio(sum, e.count());
}

Measure rmse(const Errors& e) { return root(ratio(e.squares(), e.count())); }

Measure r2(const Errors& e) {
  double sum = 0, spread = 0;
  for (double label : e.labels) sum += label;
  for (double label : e.labels) {
    const double from_mean = label - sum / e.count();
    spread += from_mean * from_mean;
  }
  const Measure left = ratio(e.squares(), spread);
  return left ? Measure(1 - *left) : std::nullopt;
}

/// A target has errors of its own (measured.cpp).
bool is_plain(const TaskSpec& task) { return task.target.empty(); }

constexpr TaskKinds regression{TaskKind::regression};

constexpr MetricKind rows[] = {
    {.name = "mae",
     .of = regression,
     .reads = reading<mae>,
     .better = Better::lower,
     .shown = Shown::delta,
     .in_studies = InStudies::leads,
     .unit = Unit::label,
     .applies = is_plain},
    {.name = "rmse",
     .of = regression,
     .reads = reading<rmse>,
     .better = Better::lower,
     .shown = Shown::delta,
     .unit = Unit::label,
     .applies = is_plain},
    {.name = "r2",
     .of = regression,
     .reads = reading<r2>,
     .better = Better::higher,
     .shown = Shown::tables,
     .in_studies = InStudies::follows,
     .applies = is_plain},
};

}  // namespace

MetricKinds regression_metrics() { return rows; }

}  // namespace weft
