// auroc and average_precision of binary tasks, over every logit of a split that has a label.
#include "train/metrics/kinds/ranking.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/error.h"
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

/// Calls f(positives, negatives) for each distinct score, the highest first.
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

struct Scores final : Tally {
  explicit Scores(const TallyOf& of) : task(of.task.name) {}

  void add_batch(const Tensor& prediction, const Tensor& labels) override {
    if (prediction.numel() != labels.numel())
      throw ShapeError(fmt::format("task '{}': one logit per label, got {} for labels {}", task,
                                   prediction.shape(), labels.shape()));
    const std::vector<double> logits = prediction.to_vector();
    const float* label = labels.data<float>();
    for (size_t i = 0; i < logits.size(); ++i) {
      if (std::isnan(label[i])) continue;
      logit.push_back(logits[i]);
      positive.push_back(label[i] == 1);
    }
  }

  void join(Ranks& ranks) override {
    ranks.join(logit);
    std::vector<char> bytes(positive.begin(), positive.end());
    ranks.join(bytes);
    positive.assign(bytes.begin(), bytes.end());
  }

  std::string task;
  std::vector<double> logit;
  std::vector<bool> positive;
};

Measure auroc_of(const Scores& s) { return auroc(s.logit, s.positive); }
Measure average_precision_of(const Scores& s) { return average_precision(s.logit, s.positive); }

constexpr MetricKind rows[] = {
    {.name = "auroc",
     .of = {TaskKind::binary},
     .reads = reading<auroc_of>,
     .better = Better::higher,
     .shown = Shown::delta,
     .in_studies = InStudies::leads},
    {.name = "average_precision",
     .of = {TaskKind::binary},
     .reads = reading<average_precision_of>,
     .better = Better::higher,
     .shown = Shown::delta},
};

}  // namespace

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

MetricKinds ranking_metrics() { return rows; }

}  // namespace weft
