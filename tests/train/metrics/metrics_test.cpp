// Metrics against the goldens, each difference between sound and compat with both its values, and
// the edges: nothing labelled, NaN predictions, ties, ids out of range.
#include <ctime>
#include <limits>

#include "data/dataset.h"
#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"
#include "tests/train/metrics/metrics_golden.h"
#include "train/metrics/baseline.h"
#include "train/metrics/decode.h"
#include "train/metrics/kinds/ranking.h"
#include "train/metrics/metrics.h"

using namespace weft;
using namespace weft::test;

namespace {

#ifdef __OPTIMIZE__
constexpr bool optimised = true;
#else
constexpr bool optimised = false;
#endif

const double nan_value = std::numeric_limits<double>::quiet_NaN();

TaskSpec task_of(TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = name_of(kind);
  task.kind = kind;
  task.classes = classes;
  return task;
}

/// One image of one row: predictions [1, 1, w, C], labels [1, 1, W, C_label].
Tensor row(const std::vector<double>& values, int64_t channels = 1, DType dtype = DType::f32) {
  return Tensor::from({1, 1, static_cast<int64_t>(values.size()) / channels, channels}, values,
                      dtype);
}

double value_of(const TaskMetrics& metrics, const std::string& name) {
  for (const Metric& metric : metrics.finish())
    if (metric.name == name) return metric.value.value();
  FAIL("no metric " << name);
  return 0;
}

/// A metric of one batch in sound and in compat.
std::pair<double, double> both(const TaskSpec& task, const Tensor& prediction, const Tensor& target,
                               const std::string& name, const Geometry& geometry = {}) {
  TaskMetrics sound(task, Semantics::sound), compat(task, Semantics::compat);
  sound.add(prediction, target, geometry);
  compat.add(prediction, target, geometry);
  return {value_of(sound, name), value_of(compat, name)};
}

}  // namespace

TEST_CASE("metrics equal the goldens in both semantics", "[metrics]") {
  for (const GoldenCase& golden : golden_cases())
    for (Semantics semantics : {Semantics::sound, Semantics::compat})
      for (DType dtype : {DType::f64, DType::f32}) {
        TaskMetrics metrics(golden.task, semantics);
        const GoldenValues& expected = golden.of(semantics);
        for (size_t b = 0; b < golden.batches.size(); ++b) {
          const Tensor& prediction = golden.batches[b].prediction;
          metrics.add(Tensor::from(prediction.shape(), prediction.to_vector(), dtype),
                      golden.batches[b].target, golden.geometry);
          if (expected.losses[b])
            metrics.add_loss(*expected.losses[b], static_cast<double>(prediction.shape()[0]));
        }
        const std::vector<Metric> found = metrics.finish();
        CHECK(found.size() == expected.metrics.size());
        for (const Metric& metric : found) {
          INFO(golden.task.name << " " << name_of(semantics) << " " << metric.name);
          REQUIRE(expected.metrics.count(metric.name) == 1);
          REQUIRE(metric.value);
          CAPTURE(*metric.value, expected.metrics.at(metric.name));
          CHECK(close(*metric.value, expected.metrics.at(metric.name)));
        }
      }
}

TEST_CASE("constant baselines equal the goldens", "[metrics]") {
  for (const GoldenCase& golden : golden_cases())
    for (Semantics semantics : {Semantics::sound, Semantics::compat}) {
      INFO(golden.task.name << " " << name_of(semantics));
      Baseline baseline(golden.task, semantics);
      CHECK(std::isnan(baseline.loss()));
      for (const GoldenBatch& batch : golden.batches)
        baseline.add(batch.target, golden.geometry, batch.prediction.shape()[1],
                     batch.prediction.shape()[2]);
      CHECK(close(baseline.loss(), golden.of(semantics).baseline));
      CHECK(baseline.constant().size() == static_cast<size_t>(golden.task.channels()));
    }
}

TEST_CASE("compat: a class without a true positive leaves the mean", "[metrics][compat]") {
  // Labels 0 0 1 1, predictions 0 0 0 2: IoU 2/3, 0, 0; class 3 occurs nowhere.
  const Tensor logits = row({9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 9, 0}, 4);
  const auto [sound, compat] =
      both(task_of(TaskKind::segmentation, 4), logits, row({0, 0, 1, 1}), "miou");
  CHECK(close(sound, 100 * (2.0 / 3) / 3));
  CHECK(close(compat, 100 * (2.0 / 3)));
}

TEST_CASE("balanced accuracy: every class that occurs counts alike, pooled over batches",
          "[metrics]") {
  // Of class 0 three of four are found, of class 1 the only one, of class 2 neither (one logit is
  // NaN); class 3 is predicted and never labelled.
  for (const TaskKind kind : {TaskKind::segmentation, TaskKind::classification})
    for (const Semantics semantics : {Semantics::sound, Semantics::compat}) {
      TaskMetrics metrics(task_of(kind, 4), semantics);
      metrics.add(row({9, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0}, 4), row({0, 0, 1}));
      metrics.add(row({9, 0, 0, 0, 0, 0, 0, 9, 0, 0, nan_value, 0, 9, 0, 0, 0, 0, 9, 0, 0}, 4),
                  row({0, 0, 2, 2, nan_value}));
      INFO(name_of(kind) << " " << name_of(semantics));
      CHECK(close(value_of(metrics, "balanced_accuracy"), 100 * (0.75 + 1 + 0) / 3));
    }
}

TEST_CASE("F1: classes that are labelled or predicted count alike; of a binary task the positives",
          "[metrics]") {
  // Labels 0 0 1, predictions 0 2 NaN: 2/3 of class 0, nothing of 1 and 2; class 3 is not there.
  const auto [sound, compat] =
      both(task_of(TaskKind::segmentation, 4), row({9, 0, 0, 0, 0, 0, 9, 0, 0, nan_value, 0, 0}, 4),
           row({0, 0, 1}), "f1");
  CHECK(close(sound, 100 * (2.0 / 3) / 3));
  CHECK(compat == sound);
  TaskMetrics binary(task_of(TaskKind::binary), Semantics::sound);
  for (const auto& [logit, label] : {std::pair{1.0, 1.0}, {1, 0}, {-1, 1}, {-1, 0}, {2, 1}})
    binary.add(row({logit}), row({label}));
  CHECK(close(value_of(binary, "f1"), 100 * 2.0 * 2 / (3 + 3)));
}

TEST_CASE("frequency weighted IoU: classes count by their labels, in both semantics", "[metrics]") {
  // Labels 0 0 0 1, predictions 0 0 2 NaN: IoU 2/3 of class 0, which has three of four labels.
  const Tensor logits = row({9, 0, 0, 9, 0, 0, 0, 0, 9, 0, nan_value, 0}, 3);
  const auto [sound, compat] =
      both(task_of(TaskKind::segmentation, 3), logits, row({0, 0, 0, 1}), "fw_iou");
  CHECK(close(sound, 50));
  CHECK(compat == sound);
}

TEST_CASE("compat: predictions grow by nearest neighbour", "[metrics][compat]") {
  // 1 4 at pixels 0 and 2 of four: 1 2.5 4 4 against 1 1 4 4.
  const auto [sound, compat] = both(task_of(TaskKind::edges), row({1, 4}), row({1, 1, 4, 4}), "abs",
                                    {{.first = 0, .stride = 2}});
  CHECK(close(sound, 0.375));
  CHECK(compat == 0);
}

TEST_CASE("compat: unlabelled pixels are wrong where ignore is negative", "[metrics][compat]") {
  TaskSpec task = task_of(TaskKind::segmentation, 2);
  const Tensor logits = row({9, 0, 9, 0, 9, 0, 0, 9}, 2), target = row({0, 0, nan_value, 0});
  task.ignore = 255;
  CHECK(close(both(task, logits, target, "pixel_acc").second, 200.0 / 3));
  task.ignore = -1;
  const auto [sound, compat] = both(task, logits, target, "pixel_acc");
  CHECK(close(sound, 200.0 / 3));
  CHECK(compat == 50);
}

TEST_CASE("compat: a negative depth is right", "[metrics][compat]") {
  const Tensor prediction = row({-2, 2.2, 0, nan_value}), target = row({2, 2, 2, 2});
  const auto [sound, compat] = both(task_of(TaskKind::depth), prediction, target, "delta_1.25");
  CHECK(sound == 25);
  CHECK(compat == 50);
}

TEST_CASE("compat: depths up to the official mask's 3e-5 do not count", "[metrics][compat]") {
  const auto [sound, compat] =
      both(task_of(TaskKind::depth), row({3, 3, 3}), row({0, 2e-5, 2}), "abs");
  CHECK(close(sound, 2, 1e-4));
  CHECK(compat == 1);
}

TEST_CASE("compat: means of batches weighted by images", "[metrics][compat]") {
  // Two images with one labelled pixel, error 1; one image with two, error 0.
  TaskMetrics sound(task_of(TaskKind::edges), Semantics::sound),
      compat(task_of(TaskKind::edges), Semantics::compat);
  for (TaskMetrics* metrics : {&sound, &compat}) {
    metrics->add(Tensor::from({2, 1, 2, 1}, {0, 0, 0, 0}),
                 Tensor::from({2, 1, 2, 1}, {1, nan_value, nan_value, nan_value}));
    metrics->add(row({0, 0}), row({0, 0}));
    metrics->add(row({0, 0}), row({nan_value, nan_value}));  // no label: no weight
  }
  CHECK(close(value_of(sound, "abs"), 1.0 / 3));
  CHECK(close(value_of(compat, "abs"), 2.0 / 3));
}

TEST_CASE("compat: normals as raw bytes look closer than they are", "[metrics][compat]") {
  // The official NYU reader hands over bytes: 0..254 for -1..1. Here x against z, 90 degrees apart.
  const auto bytes = [](std::vector<double> normals) {
    for (double& v : normals) v = std::round((v + 1) * 127);
    return normals;
  };
  const TaskSpec task = task_of(TaskKind::normals);
  const std::vector<double> x = {1, 0, 0}, z = {0, 0, 1};
  CHECK(close(both(task, row(x, 3), row(z, 3), "angle_mean").first, 90));
  // (254 127 127) against (127 127 254): cos = 5 / 6
  const double raw = both(task, row(bytes(x), 3), row(bytes(z), 3), "angle_mean").second;
  CHECK(close(raw, 33.557309761920));
}

TEST_CASE("normals are renormalised after growing", "[metrics]") {
  // A quarter of the way from 3x to z lies (0.75 * 3, 0, 0.25), of any length.
  const Picture label =
      predicted_label(task_of(TaskKind::normals), Semantics::sound, row({3, 0, 0, 0, 0, 1}, 3),
                      {{.first = 0, .stride = 4}}, 0, 1, 5);
  const float* second = label.at(0, 1);
  CHECK(close(second[0], 2.25 / std::hypot(2.25, 0.25), 1e-6));
  CHECK(close(second[2], 0.25 / std::hypot(2.25, 0.25), 1e-6));
}

TEST_CASE("the median of angles", "[metrics]") {
  TaskMetrics metrics(task_of(TaskKind::normals), Semantics::sound);
  const auto towards = [](double degrees) {
    const double angle = degrees / 57.29577951308232;
    return row({std::cos(angle), std::sin(angle), 0}, 3, DType::f64);
  };
  for (double degrees : {100.0, 3.0, 20.0, 7.0}) metrics.add(towards(degrees), row({2, 0, 0}, 3));
  CHECK(close(value_of(metrics, "angle_median"), 13.5));
  metrics.add(towards(179), row({1, 0, 0}, 3));
  CHECK(close(value_of(metrics, "angle_median"), 20));
  metrics.add(row({nan_value, 0, 0}, 3), row({1, 0, 0}, 3));  // NaN is 180 degrees off
  CHECK(close(value_of(metrics, "angle_median"), 60));
}

TEST_CASE("ranking metrics with ties", "[metrics]") {
  // Pairs of the positives 3, 1, 1 and the negatives 2, 1: 1 1 | 0 .5 | 0 .5
  const std::vector<double> scores = {1, 3, 1, 2, 1};
  const std::vector<bool> positive = {true, true, true, false, false};
  CHECK(close(*auroc(scores, positive), 0.5));
  CHECK(close(*average_precision(scores, positive), 1.0 / 3 + 2.0 / 3 * 3 / 5));
  CHECK(auroc({2, 1}, {true, false}) == 1);
  CHECK_FALSE(auroc({1, 2}, {true, true}));
  CHECK_FALSE(average_precision({1, 2}, {false, false}));
  // A score that is no number is wrong, whichever side it is on.
  CHECK(auroc({nan_value, 1}, {true, false}) == 0);
  CHECK(auroc({1, nan_value}, {true, false}) == 0);
  CHECK(average_precision({1, nan_value}, {true, false}) == 0.5);
}

TEST_CASE("nothing labelled: no metric has a value", "[metrics]") {
  for (const GoldenCase& golden : golden_cases()) {
    TaskMetrics metrics(golden.task, Semantics::sound);
    const GoldenBatch& batch = golden.batches[0];
    metrics.add(
        batch.prediction,
        Tensor::from(batch.target.shape(), std::vector<double>(batch.target.numel(), nan_value)),
        golden.geometry);
    CHECK_FALSE(metrics.loss());
    for (const Metric& metric : metrics.finish()) {
      INFO(golden.task.name << " " << metric.name);
      CHECK_FALSE(metric.value);
    }
  }
}

TEST_CASE("labels and predictions that do not fit", "[metrics]") {
  TaskMetrics metrics(task_of(TaskKind::segmentation, 2), Semantics::sound);
  const Tensor logits = row({0, 1}, 2);
  const auto says = [](const std::string& message, const std::string& part) {
    INFO(message);
    CHECK(message.find(part) != std::string::npos);
  };
  says(message_of<DataError>([&] { metrics.add(logits, row({2})); }),
       "task 'segmentation': label 2 is none of the classes 0 to 1");
  says(message_of<DataError>([&] { metrics.add(logits, row({0.5})); }), "label 0.5 is none");
  says(message_of<ShapeError>([&] { metrics.add(row({0, 1, 2}, 3), row({1})); }), "[N, h, w, 2]");
  says(message_of<ShapeError>([&] { metrics.add(logits, row({1, 1}, 2)); }), "[N, H, W, 1]");
  says(message_of<ShapeError>([&] {
         metrics.add(logits, Tensor::from({2, 1, 1, 1}, {0, 0}));
       }),
       "are not of one batch");
}

TEST_CASE("predicted_label decodes every kind of task", "[metrics]") {
  const auto first = [](const TaskSpec& task, const Tensor& prediction) {
    return predicted_label(task, Semantics::sound, prediction, {}, 0, 1, 1).pixels;
  };
  CHECK(first(task_of(TaskKind::segmentation, 3), row({0, 2, 1}, 3)) == std::vector<float>{1});
  CHECK(first(task_of(TaskKind::classification, 3), row({2, 2, 1}, 3)) == std::vector<float>{0});
  CHECK(first(task_of(TaskKind::normals), row({0, 0, -4}, 3)) == std::vector<float>{0, 0, -1});
  CHECK(first(task_of(TaskKind::depth), row({2.5})) == std::vector<float>{2.5f});
  CHECK(first(task_of(TaskKind::binary), row({-0.5})) == std::vector<float>{0});
  CHECK(first(task_of(TaskKind::binary), row({0.5})) == std::vector<float>{1});
  CHECK(first(task_of(TaskKind::regression), row({-7})) == std::vector<float>{-7});
  const Picture both =
      predicted_label(task_of(TaskKind::depth), Semantics::sound,
                      Tensor::from({2, 1, 1, 1}, {1, 3}), {{.first = 0, .stride = 2}}, 1, 2, 2);
  CHECK(both.pixels == std::vector<float>{3, 3, 3, 3});
}

TEST_CASE("200 images of 96 x 128 take well under a second of a core's time", "[metrics]") {
  if (sanitized || !optimised) WEFT_SKIP("this build is not for speed");
  const std::clock_t start = std::clock();  // of this process: a busy machine does not count
  const Tensor logits = Tensor::from({8, 12, 16, 13}, std::vector<double>(8 * 12 * 16 * 13, 0.5));
  const Tensor ids = Tensor::from({8, 96, 128, 1}, std::vector<double>(8 * 96 * 128, 1));
  const Tensor vectors = Tensor::from({8, 12, 16, 3}, std::vector<double>(8 * 12 * 16 * 3, 0.5));
  const Tensor units = Tensor::from({8, 96, 128, 3}, std::vector<double>(8 * 96 * 128 * 3, 0.57));
  const Tensor scalars = Tensor::from({8, 12, 16, 1}, std::vector<double>(8 * 12 * 16, 0.5));
  TaskMetrics segmentation(task_of(TaskKind::segmentation, 13), Semantics::sound),
      normals(task_of(TaskKind::normals), Semantics::sound),
      depth(task_of(TaskKind::depth), Semantics::sound),
      edges(task_of(TaskKind::edges), Semantics::sound);
  for (int batch = 0; batch < 25; ++batch) {
    for (auto [metrics, prediction, labels] : {std::tuple{&segmentation, &logits, &ids},
                                               {&normals, &vectors, &units},
                                               {&depth, &scalars, &ids},
                                               {&edges, &scalars, &ids}})
      metrics->add(*prediction, *labels, {{.first = 0, .stride = 8}});
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  INFO(seconds << " s");
  CHECK(seconds < 0.5);  // 0.13 s, and what a slower core takes
}
