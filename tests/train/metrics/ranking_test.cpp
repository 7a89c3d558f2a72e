// AUROC and average precision against their definitions in O(n^2), on scores full of ties, and by
// hand; the regression metrics by hand; which way each metric is better; pos_weight in the loss.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/philox.h"
#include "tests/support/catch.h"
#include "train/metrics/baseline.h"
#include "train/metrics/delta.h"
#include "train/metrics/kinds/ranking.h"
#include "train/metrics/losses.h"
#include "train/metrics/metrics.h"

using namespace weft;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

/// Over every pair of a positive and a negative: 1 in order, 1/2 tied (sklearn's roc_auc_score).
double naive_auroc(const std::vector<double>& scores, const std::vector<bool>& positive) {
  double right = 0, pairs = 0;
  for (size_t i = 0; i < scores.size(); ++i)
    for (size_t j = 0; j < scores.size(); ++j) {
      if (!positive[i] || positive[j]) continue;
      right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
      pairs += 1;
    }
  return right / pairs;
}

/// sum_n (R_n - R_{n-1}) P_n over falling thresholds (sklearn's average_precision_score).
double naive_average_precision(const std::vector<double>& scores,
                               const std::vector<bool>& positive) {
  std::vector<double> thresholds = scores;
  std::sort(thresholds.begin(), thresholds.end(), std::greater<>());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  double all = 0, before = 0, sum = 0;
  for (bool p : positive) all += p;
  for (double threshold : thresholds) {
    double found = 0, taken = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      if (scores[i] < threshold) continue;
      taken += 1;
      found += positive[i];
    }
    sum += (found - before) / all * found / taken;
    before = found;
  }
  return sum;
}

TaskSpec task_of(TaskKind kind) {
  TaskSpec task;
  task.name = "t";
  task.kind = kind;
  return task;
}

Tensor column(const std::vector<double>& values, DType dtype = DType::f32) {
  return Tensor::from({static_cast<int64_t>(values.size()), 1, 1, 1}, values, dtype);
}

double value_of(const TaskMetrics& metrics, const std::string& name) {
  for (const Metric& m : metrics.finish())
    if (m.name == name) return m.value.value();
  throw std::logic_error("no metric " + name);
}

}  // namespace

TEST_CASE("AUROC and average precision are their definitions, ties included", "[metrics]") {
  for (uint32_t trial = 0; trial < 200; ++trial) {
    const Philox words(5, Stream::data, trial, "ranking");
    const auto n = static_cast<size_t>(2 + words.below(0, 60));
    const uint64_t levels = 1 + words.below(1, 12);  // few levels: many ties
    std::vector<double> scores;
    std::vector<bool> positive;
    for (size_t i = 0; i < n; ++i) {
      scores.push_back(static_cast<double>(words.below(2 + 2 * i, levels)) - 3);
      positive.push_back(words.uniform(3 + 2 * i) < 0.2);
    }
    positive[0] = true;
    positive[1] = false;
    CHECK(*auroc(scores, positive) == Catch::Approx(naive_auroc(scores, positive)).epsilon(1e-12));
    CHECK(*average_precision(scores, positive) ==
          Catch::Approx(naive_average_precision(scores, positive)).epsilon(1e-12));
  }
}

TEST_CASE("ranking metrics by hand", "[metrics]") {
  // scikit-learn's own example: roc_auc 0.75, average precision 0.8333.
  CHECK(*auroc({0.1, 0.4, 0.35, 0.8}, {false, false, true, true}) == Catch::Approx(0.75));
  CHECK(*average_precision({0.1, 0.4, 0.35, 0.8}, {false, false, true, true}) ==
        Catch::Approx(0.5 * 1 + 0.5 * 2 / 3));
  // All scores equal: chance for one, the share of positives for the other.
  CHECK(auroc({1, 1, 1, 1}, {true, false, false, false}) == 0.5);
  CHECK(average_precision({1, 1, 1, 1}, {true, false, false, false}) == 0.25);
}

TEST_CASE("a binary task ranks what has a label, batch by batch", "[metrics]") {
  TaskMetrics metrics(task_of(TaskKind::binary), Semantics::sound);
  metrics.add(column({-2.2, -0.4, 9}), column({0, 0, nan_value}));
  metrics.add(column({-0.6, 1.4}), column({1, 1}));
  CHECK(value_of(metrics, "auroc") == Catch::Approx(0.75));
  CHECK(value_of(metrics, "average_precision") == Catch::Approx(5.0 / 6));
  CHECK(value_of(metrics, "accuracy") == 75);
}

TEST_CASE("regression metrics by hand", "[metrics]") {
  TaskMetrics metrics(task_of(TaskKind::regression), Semantics::sound);
  metrics.add(column({2.5, 0.0, 7}), column({3, -0.5, nan_value}));
  metrics.add(column({2, 8}), column({2, 7}));
  // Errors -0.5, 0.5, 0, 1; the labels' mean is 2.875, their spread 29.1875.
  CHECK(value_of(metrics, "mae") == Catch::Approx(0.5));
  CHECK(value_of(metrics, "rmse") == Catch::Approx(std::sqrt(0.375)));
  CHECK(value_of(metrics, "r2") == Catch::Approx(1 - 1.5 / 29.1875));
}

TEST_CASE("Delta_T knows which way each metric of image labels is better", "[metrics]") {
  const auto change = [](const char* name, double from, double to) {
    const auto one = [&](double v) { return MetricsOfTasks{{{name, v, higher_is_better(name)}}}; };
    return delta(one(to), one(from)).overall;
  };
  for (const char* name : {"accuracy", "auroc", "average_precision"}) {
    INFO(name);
    CHECK(change(name, 0.5, 0.6) == Catch::Approx(20));
  }
  for (const char* name : {"mae", "rmse"}) {
    INFO(name);
    CHECK(change(name, 0.5, 0.6) == Catch::Approx(-20));
  }
  // R2 may be 0 or negative, so a relative change of it means nothing: it is shown, not averaged.
  CHECK(higher_is_better("r2"));
  CHECK_FALSE(counts_in_delta("r2"));
}

TEST_CASE("pos_weight weighs positives in the loss and in the best constant", "[losses]") {
  CpuContext cpu;
  TaskSpec task = task_of(TaskKind::binary);
  task.pos_weight = 3;
  const std::vector<double> labels = {1, 0, 0, 0, nan_value, 1};
  const auto loss_at = [&](double logit) {
    Tape tape(&cpu);
    const Var x = tape.leaf(column(std::vector<double>(6, logit), DType::f64));
    return task_loss(task, Semantics::sound, x, column(labels))->value().item();
  };
  const double softplus = std::log1p(std::exp(-0.7));
  CHECK(loss_at(0.7) == Catch::Approx((3 * 2 * softplus + 3 * (0.7 + softplus)) / 5));
  Baseline baseline(task, Semantics::sound);
  baseline.add(column(labels), {}, 1, 1);
  const double best = baseline.constant()[0];
  CHECK(best == Catch::Approx(std::log(2.0)));
  CHECK(baseline.loss() == Catch::Approx(loss_at(best)));
  CHECK(baseline.loss() < loss_at(best + 0.05));
  CHECK(baseline.loss() < loss_at(best - 0.05));
}
