// Regression of a target that is computed from columns (data/target.h), by labels of
// data/measured_label.h. With p the output and t the label, d = unit (p - t), and where the task's
// condition `strong` holds y' / y = 10^d:
//   target_rmse       sqrt(mean d^2): decades, where the target is a log10
//   percent           median of 100 |10^d - 1|: the error of y itself
//   percent_slope1 .. median of 100 |g' / g - 1|, by the order of task.slopes: g the measured dy/dx
//                     where there is one, g' the network's, g' / y' = ln 10 unit dp/dx - a_x / x
// Of an even number a median is the mean of the middle two. Labels that are mere bounds are learned
// from and not scored.
#include <algorithm>
#include <vector>

#include "data/measured_label.h"
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

struct MeasuredErrors final : Tally {
  explicit MeasuredErrors(const TallyOf&) {}

  void add_batch(const Tensor& prediction, const Tensor& labels) override {
    for_labels(prediction, labels, [&](size_t, double p, const float* label) {
      const double d = label[measured::unit] * (p - label[measured::value]);
      squares += d * d;
      count += 1;
      if (label[measured::strong] != 0) percents.push_back(100 * std::abs(std::pow(10.0, d) - 1));
    });
  }
  void add_slopes(const Tensor& prediction, const Tensor& slopes, const Tensor& labels) override {
    const std::vector<double> values = slopes.to_vector();
    const auto each = static_cast<size_t>(slopes.shape()[3]);
    of_slopes.resize(std::max(of_slopes.size(), each));
    for_labels(prediction, labels, [&](size_t n, double p, const float* label) {
      const double unit = label[measured::unit];
      const double ratio = std::pow(10.0, unit * (p - label[measured::value]));
      for (size_t i = 0; i < each && label[measured::strong] != 0; ++i) {
        const float* own = label + measured::slopes + 2 * i;
        if (std::isnan(own[0])) continue;
        const double slope = ratio * (std::log(10.0) * unit * values[n * each + i] - own[1]);
        of_slopes[i].push_back(100 * std::abs(slope / own[0] - 1));
      }
    });
  }

  void join(Ranks& ranks) override {
    ranks.sum_all(squares, count);
    ranks.join(percents);
    std::vector<size_t> most = {of_slopes.size()};  // a rank without a batch knows of none
    ranks.join(most);
    of_slopes.resize(*std::max_element(most.begin(), most.end()));
    for (std::vector<double>& one : of_slopes) ranks.join(one);
  }

  double squares = 0, count = 0;
  std::vector<double> percents;
  std::vector<std::vector<double>> of_slopes;

 private:
  /// f(row, output, label) of every label that is no bound.
  template <class F>
  static void for_labels(const Tensor& prediction, const Tensor& labels, F&& f) {
    const std::vector<double> values = prediction.to_vector();
    const float* label = labels.data<float>();
    for (size_t n = 0; n < values.size(); ++n, label += labels.shape()[3])
      if (!std::isnan(*label) && label[measured::bound] == 0) f(n, values[n], label);
  }
};

/// NaN where there is one: it is the worst error.
Measure median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  for (const double v : values)
    if (std::isnan(v)) return v;
  const auto half = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), half, values.end());
  if (values.size() % 2 == 1) return *half;
  return (*std::max_element(values.begin(), half) + *half) / 2;
}

Measure target_rmse(const MeasuredErrors& e) { return root(ratio(e.squares, e.count)); }
Measure percent(const MeasuredErrors& e) { return median(e.percents); }
template <size_t i>
Measure slope(const MeasuredErrors& e) {
  return i < e.of_slopes.size() ? median(e.of_slopes[i]) : std::nullopt;
}

bool has_target(const TaskSpec& task) { return !task.target.empty(); }
template <size_t i>
bool has_slope(const TaskSpec& task) {
  return i < task.slopes.size();
}

constexpr TaskKinds regression{TaskKind::regression};

template <size_t i>
constexpr MetricKind slope_row(const char* name) {
  return {.name = name,
          .of = regression,
          .reads = reading<slope<i>>,
          .better = Better::lower,
          .shown = Shown::tables,
          .in_studies = InStudies::follows,
          .applies = has_slope<i>};
}

constexpr MetricKind rows[] = {
    {.name = "target_rmse",
     .of = regression,
     .reads = reading<target_rmse>,
     .better = Better::lower,
     .shown = Shown::delta,
     .in_studies = InStudies::leads,
     .applies = has_target},
    {.name = "percent",
     .of = regression,
     .reads = reading<percent>,
     .better = Better::lower,
     .shown = Shown::tables,
     .in_studies = InStudies::follows,
     .applies = has_target},
    slope_row<0>("percent_slope1"),
    slope_row<1>("percent_slope2"),
    slope_row<2>("percent_slope3"),
    slope_row<3>("percent_slope4"),
};

}  // namespace

MetricKinds measured_metrics() { return rows; }

}  // namespace weft
