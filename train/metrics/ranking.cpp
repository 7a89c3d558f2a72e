// Metrics that need no accumulator: what a name says about its metric, and how well scores rank
// positives above negatives. Equal scores count as one threshold, so the order of samples is
// nothing.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "train/metrics/metrics.h"

namespace weft {
namespace {

struct MetricKind {
  std::string_view name;
  bool higher_is_better, counts_in_delta;
};

constexpr MetricKind metric_kinds[] = {
    {"miou", true, true},          {"pixel_acc", true, true},
    {"err", false, false},         {"angle_mean", false, true},
    {"angle_median", false, true}, {"within_11.25", true, true},
    {"within_22.5", true, true},   {"within_30", true, true},
    {"within_45", true, false},    {"angle_rmse", false, false},
    {"cosine", true, false},       {"abs", false, true},
    {"rel", false, true},          {"delta_1.25", true, true},
    {"delta_1.25^2", true, true},  {"delta_1.25^3", true, true},
    {"sq_rel", false, false},      {"rms", false, false},
    {"accuracy", true, true},      {"balanced_accuracy", true, false},
    {"auroc", true, true},         {"average_precision", true, true},
    {"mae", false, true},          {"rmse", false, true},
    {"r2", true, false},
};

const MetricKind* kind_of(std::string_view metric) {
  for (const MetricKind& kind : metric_kinds)
    if (kind.name == metric) return &kind;
  return nullptr;
}

/// Calls f(positives, negatives) for each distinct score, the highest first. NaN is wrong either
/// way: a positive's is the lowest, a negative's the highest.
template <class F>
void for_thresholds(std::vector<double> scores, const std::vector<bool>& positive, F&& f) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < scores.size(); ++i)
    if (std::isnan(scores[i])) scores[i] = positive[i] ? -infinity : infinity;
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  for (size_t i = 0; i < order.size();) {
    double positives = 0, negatives = 0;
    const double score = scores[order[i]];
    for (; i < order.size() && !(scores[order[i]] < score); ++i)
      (positive[order[i]] ? positives : negatives) += 1;
    f(positives, negatives);
  }
}

}  // namespace

bool higher_is_better(std::string_view metric) {
  const MetricKind* kind = kind_of(metric);
  return kind != nullptr && kind->higher_is_better;
}

bool counts_in_delta(std::string_view metric) {
  const MetricKind* kind = kind_of(metric);
  return kind != nullptr && kind->counts_in_delta;
}

bool in_label_unit(std::string_view metric) {
  return metric == "mae" || metric == "rmse" || metric == "abs" || metric == "rms";
}

bool is_in_tables(std::string_view metric) { return counts_in_delta(metric) || metric == "r2"; }

Measure auroc(const std::vector<double>& scores, const std::vector<bool>& positive) {
  double above = 0, ordered = 0, negatives_seen = 0;
  for_thresholds(scores, positive, [&](double positives, double negatives) {
    ordered += negatives * (above + positives / 2);
    above += positives;
    negatives_seen += negatives;
  });
  const double pairs = above * negatives_seen;
  if (pairs == 0) return std::nullopt;
  return ordered / pairs;
}

Measure average_precision(const std::vector<double>& scores, const std::vector<bool>& positive) {
  double found = 0, seen = 0, sum = 0;
  for_thresholds(scores, positive, [&](double positives, double negatives) {
    found += positives;
    seen += positives + negatives;
    sum += positives * found / seen;
  });
  if (found == 0) return std::nullopt;
  return sum / found;
}

}  // namespace weft
