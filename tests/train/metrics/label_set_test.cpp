// Sets of classes: metrics by their definitions and by hand, the loss and its gradient, the best
// constant, and predictions as cells.
#include <cmath>

#include "engine/philox.h"
#include "tests/support/catch.h"
#include "train/loop/prediction_files.h"
#include "train/metrics/baseline.h"
#include "train/metrics/decode.h"
#include "train/metrics/kinds/ranking.h"
#include "train/metrics/losses.h"
#include "train/metrics/metrics.h"

using namespace weft;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

TaskSpec sets_of(int classes) {
  TaskSpec task;
  task.name = "t";
  task.kind = TaskKind::multilabel;
  task.classes = classes;
  return task;
}

Tensor rows_of(const std::vector<double>& values, int64_t classes, DType dtype = DType::f32) {
  return Tensor::from({static_cast<int64_t>(values.size()) / classes, 1, 1, classes}, values,
                      dtype);
}

double value_of(const TaskMetrics& metrics, const std::string& name) {
  for (const Metric& m : metrics.finish())
    if (m.name == name) return m.value.value();
  throw std::logic_error("no metric " + name);
}

double loss_of(const TaskSpec& task, const Tensor& prediction, const Tensor& target) {
  CpuContext cpu(1);
  Tape tape(&cpu, Tape::Mode::no_grad);
  return task_loss(task, Semantics::sound, tape.constant(prediction), target)->value().item();
}

struct Drawn {
  std::vector<double> logits, labels;
};

Drawn draw(uint32_t trial, int64_t rows, int64_t classes) {
  const Philox words(5, Stream::data, trial, "label sets");
  Drawn out;
  for (int64_t i = 0; i < rows * classes; ++i) {
    out.logits.push_back(static_cast<double>(words.below(static_cast<uint64_t>(2 * i), 9)) - 4.25);
    out.labels.push_back(words.below(static_cast<uint64_t>(2 * i + 1), 3) == 0 ? 1 : 0);
  }
  return out;
}

}  // namespace

TEST_CASE("label sets: metrics of a few by hand", "[metrics][label_set]") {
  TaskMetrics metrics(sets_of(3), Semantics::sound);
  // Labels 110, 010, 001 and a missing one; predictions 110, 110, nothing.
  metrics.add(rows_of({2, 1, -1, 1, 3, -2, -1, -2, -3, 9, 9, 9}, 3),
              rows_of({1, 1, 0, 0, 1, 0, 0, 0, 1, nan_value, nan_value, nan_value}, 3));
  // Class 0: TP 1 FP 1; class 1: TP 2; class 2: FN 1.
  CHECK(value_of(metrics, "f1") == Catch::Approx(100 * (2.0 / 3 + 1 + 0) / 3));
  CHECK(value_of(metrics, "micro_f1") == Catch::Approx(100 * 6.0 / 8));
  CHECK(value_of(metrics, "exact_match") == Catch::Approx(100.0 / 3));
  // Average precision 1, 1 and 1/3: the label of class 2 comes last.
  CHECK(value_of(metrics, "map") == Catch::Approx(100 * (1 + 1 + 1.0 / 3) / 3));
}

TEST_CASE("label sets: map is the mean of the classes' average precision, whatever the batches",
          "[metrics][label_set]") {
  for (uint32_t trial = 0; trial < 20; ++trial) {
    const int64_t classes = 2 + trial % 4, rows = 24;
    const Drawn drawn = draw(trial, rows, classes);
    TaskMetrics whole(sets_of(static_cast<int>(classes)), Semantics::sound),
        parts(sets_of(static_cast<int>(classes)), Semantics::sound);
    whole.add(rows_of(drawn.logits, classes), rows_of(drawn.labels, classes));
    const auto middle = static_cast<std::ptrdiff_t>(classes * 10);
    for (const auto& [from, to] :
         {std::pair{std::ptrdiff_t{0}, middle}, std::pair{middle, std::ptrdiff_t(classes * rows)}})
      parts.add(rows_of({drawn.logits.begin() + from, drawn.logits.begin() + to}, classes),
                rows_of({drawn.labels.begin() + from, drawn.labels.begin() + to}, classes));
    double sum = 0, count = 0;
    for (int64_t c = 0; c < classes; ++c) {
      std::vector<double> scores;
      std::vector<bool> positive;
      for (int64_t i = c; i < rows * classes; i += classes) {
        scores.push_back(drawn.logits[static_cast<size_t>(i)]);
        positive.push_back(drawn.labels[static_cast<size_t>(i)] == 1);
      }
      if (const Measure own = average_precision(scores, positive)) sum += *own, count += 1;
    }
    CHECK(value_of(whole, "map") == Catch::Approx(100 * sum / count));
    for (const Metric& m : whole.finish()) CHECK(value_of(parts, m.name) == *m.value);
  }
}

TEST_CASE("label sets: a logit that is no number is wrong, with the class and without",
          "[metrics][label_set]") {
  TaskMetrics metrics(sets_of(2), Semantics::sound);
  metrics.add(rows_of({nan_value, 1, 1, nan_value}, 2), rows_of({1, 1, 1, 0}, 2));
  CHECK(value_of(metrics, "exact_match") == 0);
  // TP 2, FP 1, FN 1.
  CHECK(value_of(metrics, "micro_f1") == Catch::Approx(100 * 4.0 / 6));
  CHECK(metrics.faults() == 2);
}

TEST_CASE("label sets: the loss is the mean over labels and classes, and so is its gradient",
          "[losses][label_set]") {
  TaskSpec task = sets_of(3);
  task.pos_weight = 2.5;
  Drawn drawn = draw(3, 6, 3);
  for (size_t i = 6; i < 9; ++i) drawn.labels[i] = nan_value;  // the third is missing
  const Tensor target = rows_of(drawn.labels, 3);
  double sum = 0, count = 0;
  for (size_t i = 0; i < drawn.logits.size(); ++i) {
    if (std::isnan(drawn.labels[i])) continue;
    const double p = 1 / (1 + std::exp(-drawn.logits[i]));
    sum -= drawn.labels[i] == 1 ? 2.5 * std::log(p) : std::log(1 - p);
    count += 1;
  }
  const Tensor prediction = rows_of(drawn.logits, 3, DType::f64);
  CHECK(loss_of(task, prediction, target) == Catch::Approx(sum / count));
  CHECK(loss_weight(task, Semantics::sound, target, {}, 1, 1) == 5);

  CpuContext cpu(1);
  Tape tape(&cpu);
  const Var x = tape.leaf(prediction);
  tape.backward(*task_loss(task, Semantics::sound, x, target));
  const std::vector<double> gradient = tape.grad(x).to_vector();
  for (size_t i = 0; i < gradient.size(); ++i) {
    const auto moved = [&](double by) {
      std::vector<double> logits = drawn.logits;
      logits[i] += by;
      return loss_of(task, rows_of(logits, 3, DType::f64), target);
    };
    CHECK(std::abs(gradient[i] - (moved(1e-5) - moved(-1e-5)) / 2e-5) < 1e-8);
  }
}

TEST_CASE("label sets: the best constant has the baseline's loss, and none has less",
          "[metrics][label_set]") {
  for (const double weight : {1.0, 3.0}) {
    TaskSpec task = sets_of(4);
    task.pos_weight = weight;
    const Drawn drawn = draw(9, 15, 4);
    const Tensor target = rows_of(drawn.labels, 4);
    Baseline baseline(task, Semantics::sound);
    baseline.add(target, {}, 1, 1);
    const std::vector<double> constant = baseline.constant();
    REQUIRE(constant.size() == 4);
    const auto loss_at = [&](size_t moved, double by) {
      std::vector<double> logits;
      for (int row = 0; row < 15; ++row)
        logits.insert(logits.end(), constant.begin(), constant.end());
      for (size_t i = moved; i < logits.size(); i += 4) logits[i] += by;
      return loss_of(task, rows_of(logits, 4, DType::f64), target);
    };
    CHECK(baseline.loss() == Catch::Approx(loss_at(0, 0)));
    for (size_t c = 0; c < 4; ++c)
      for (const double by : {-0.1, 0.1}) CHECK(loss_at(c, by) > baseline.loss());
  }
}

TEST_CASE("label sets: a prediction is the classes above 0, each with its probability",
          "[metrics][label_set]") {
  const TaskSpec task = sets_of(3);
  const Tensor logits = rows_of({2, -1, 0.5, -1, -2, -3, 1, nan_value, 2}, 3);
  const auto label = [&](int n) {
    return predicted_label(task, Semantics::sound, logits, {}, n, 1, 1).pixels;
  };
  CHECK(label(0) == std::vector<float>{1, 0, 1});
  CHECK(label(1) == std::vector<float>{0, 0, 0});
  CHECK(std::isnan(label(2)[1]));
  const auto p = class_probabilities(task, logits, 0);
  REQUIRE(p.size() == 3);
  CHECK(p[0] == Catch::Approx(1 / (1 + std::exp(-2.0))));
  CHECK(p[1] == Catch::Approx(1 / (1 + std::exp(1.0))));
  CHECK(p[2] == Catch::Approx(1 / (1 + std::exp(-0.5))));
  CHECK(probability_text(task, label(0), p) == "0.8808;0.6225");
  CHECK(probability_text(task, label(1), class_probabilities(task, logits, 1)).empty());
  CHECK(class_probabilities(task, logits, 2).empty());
}
