// What a report shows of a test, by hand: confusion, calibration, scatter, the best and the worst.
#include "train/metrics/detail.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/measured_label.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/metrics/class_scores.h"
#include "train/run_folder/test_record.h"

using namespace weft;
using namespace weft::test;

namespace {

TaskSpec task_of(TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = name_of(kind);
  task.kind = kind;
  task.classes = classes;
  return task;
}

const double none = std::numeric_limits<double>::quiet_NaN();

/// Image labels: logits [N, 1, 1, C] and labels [N, 1, 1, 1].
TaskDetail detail_of(const TaskSpec& task, const std::vector<double>& outputs,
                     const std::vector<double>& labels, const LearnedFromData& learned = {}) {
  const auto n = static_cast<int64_t>(labels.size() / static_cast<size_t>(task.label_channels()));
  const Tensor prediction = Tensor::from({n, 1, 1, task.channels()}, outputs, DType::f64);
  const Tensor target = Tensor::from({n, 1, 1, task.label_channels()}, labels);
  std::vector<std::string> keys{"of another task"};
  for (int64_t i = 0; i < n; ++i) keys.push_back(std::string(1, static_cast<char>('a' + i)));
  TaskMetrics metrics(task, Semantics::sound);
  DetailTally tally(task, Semantics::sound, learned, 0, 1);
  metrics.add(prediction, target);
  tally.add(prediction, target, {}, keys, 1);
  tally.add_unlabelled(2);
  return tally.finish(metrics);
}

}  // namespace

TEST_CASE("detail: classes by hand, and a label that is missing", "[metrics][report]") {
  // p of class 0: 1/4, 1/2 (a tie, said 0), -, no number.
  const double l3 = std::log(3.0);
  const TaskDetail d = detail_of(task_of(TaskKind::classification, 2),
                                 {0, l3, 0, 0, 5, 5, none, 0, 0, l3}, {0, 0, none, 1, 1});
  CHECK(d.classes == std::vector<std::string>{"0", "1"});
  CHECK(d.samples == 7);
  CHECK(d.unlabelled == 3);
  CHECK(d.labels == 4);
  CHECK(d.confusion == std::vector<int64_t>{1, 1, 0, 0, 1, 1});
  const std::vector<ClassScore> scores = class_scores(d);
  REQUIRE(scores.size() == 2);
  CHECK((scores[0].labels == 2 && scores[0].predicted == 1 && scores[0].right == 1));
  CHECK((scores[1].labels == 2 && scores[1].predicted == 2 && scores[1].right == 1));
  CHECK(*scores[0].iou() == Catch::Approx(50));
  CHECK(*scores[0].precision() == Catch::Approx(100));
  CHECK(*scores[0].recall() == Catch::Approx(50));
  CHECK(*scores[0].f1() == Catch::Approx(200.0 / 3));
  CHECK(*scores[1].iou() == Catch::Approx(100.0 / 3));
  CHECK(*scores[1].f1() == Catch::Approx(50));
  CHECK_FALSE(ClassScore{"unseen"}.iou());
  CHECK(class_scores(TaskDetail{"depth"}).empty());
  REQUIRE(d.calibration.size() == calibration_bins);
  // 0.75 twice (bin 11 of 15), once right; 0.5 once (bin 7), right; what is no number has no bin.
  CHECK(d.calibration[11].count == 2);
  CHECK(d.calibration[11].right == 1);
  CHECK(d.calibration[11].confidence == Catch::Approx(1.5));
  CHECK(d.calibration[7].count == 1);
  CHECK(d.calibration[7].right == 1);
  REQUIRE(d.worst.size() == 4);
  CHECK(d.worst[0].key == "d");
  CHECK(std::isnan(d.worst[0].error));
  CHECK(d.worst[1].key == "a");
  CHECK(d.worst[1].error == Catch::Approx(std::log(4.0)));
  CHECK(d.best[0].key == "e");
  CHECK(d.best[0].error == Catch::Approx(-std::log(0.75)));
  CHECK(d.best[3].key == "d");
}

TEST_CASE("detail: a binary task counts far logits without overflow", "[metrics][report]") {
  const TaskDetail d =
      detail_of(task_of(TaskKind::binary), {800, -800, -800, 0.1, none}, {1, 0, 1, 0, 1});
  CHECK(d.confusion == std::vector<int64_t>{1, 1, 0, 1, 1, 1});
  CHECK(d.calibration.back().count == 3);
  CHECK(d.calibration.back().right == 2);
  CHECK(d.worst[1].key == "c");
  CHECK(d.worst[1].error == Catch::Approx(800));
  CHECK(d.best[0].error == Catch::Approx(0).margin(1e-12));
}

TEST_CASE("detail: each class of a set is counted and calibrated by itself", "[metrics][report]") {
  const double l3 = std::log(3.0);
  const TaskSpec task = task_of(TaskKind::multilabel, 2);
  const std::vector<double> outputs{l3, -l3, l3, l3, -l3, none, -l3, 800};
  const std::vector<double> labels{1, 0, 0, 1, 1, 0, none, none};
  const TaskDetail d = detail_of(task, outputs, labels);
  CHECK(d.classes == std::vector<std::string>{"0", "1"});
  CHECK(d.labels == 3);
  CHECK(d.unlabelled == 3);
  // Class 0: said and there, said in vain, missed; class 1: right twice; what is none is wrong.
  CHECK(d.each == std::vector<ClassCount>{{2, 2, 1}, {1, 2, 1}});
  CHECK(d.confusion.empty());
  CHECK(d.calibration[11].count == 5);  // p = 3/4 of either answer
  CHECK(d.calibration[11].right == 3);
  CHECK(d.calibration[11].confidence == Catch::Approx(3.75));
  CHECK(d.best[0].error == Catch::Approx(-std::log(0.75)));
  CHECK(std::isnan(d.worst[0].error));
  // Macro F1 is the mean of the classes': 2 TP / (labelled + predicted).
  TaskMetrics metrics(task, Semantics::sound);
  metrics.add(Tensor::from({4, 1, 1, 2}, outputs, DType::f64), Tensor::from({4, 1, 1, 2}, labels));
  const std::vector<Metric> all = metrics.finish();
  const auto f1 =
      std::find_if(all.begin(), all.end(), [](const Metric& m) { return m.name == "f1"; });
  REQUIRE(f1 != all.end());
  CHECK(*f1->value == Catch::Approx(100 * (2 * 1 / 4.0 + 2 * 1 / 3.0) / 2));
}

TEST_CASE("detail: errors and points of a regression are in the label's unit",
          "[metrics][report]") {
  LearnedFromData learned;
  learned.tasks.resize(1);
  learned.tasks[0].mean = 10;
  learned.tasks[0].deviation = 2;
  TaskSpec task = task_of(TaskKind::regression);
  task.unit = "years";
  const TaskDetail d = detail_of(task, {0, 1, none}, {0.5, 1, 0}, learned);
  CHECK(d.scatter == std::vector<std::array<double, 2>>{{11, 10}, {12, 12}});
  CHECK(d.error == "error, years");
  CHECK(d.best[0].key == "b");
  CHECK(d.worst[1].error == Catch::Approx(1));
  CHECK(d.confusion.empty());
  CHECK(d.calibration.empty());
}

TEST_CASE("detail: scattered points are bounded, and evenly over the split", "[metrics][report]") {
  const TaskSpec task = task_of(TaskKind::regression);
  TaskMetrics metrics(task, Semantics::sound);
  DetailTally tally(task, Semantics::sound, {}, 0, 1);
  const std::vector<std::string> keys(1000, "x");
  for (int b = 0; b < 5; ++b) {
    std::vector<double> values(1000);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) + 1000 * b;
    const Tensor t = Tensor::from({1000, 1, 1, 1}, values);
    metrics.add(t, t);
    tally.add(t, t, {}, keys, 0);
  }
  const auto points = tally.finish(metrics).scatter;
  CHECK(points.size() > most_scattered / 2);
  CHECK(points.size() <= most_scattered);
  for (size_t i = 0; i < points.size(); ++i) CHECK(points[i][0] == 16.0 * static_cast<double>(i));
}

TEST_CASE("detail: pixels of a segmentation, normals and depth by their mean error",
          "[metrics][report]") {
  const auto dense = [](const TaskSpec& task, const std::vector<double>& outputs,
                        const std::vector<double>& labels) {
    const Tensor prediction = Tensor::from({1, 1, 2, task.channels()}, outputs, DType::f64);
    const Tensor target = Tensor::from({1, 1, 2, task.label_channels()}, labels);
    TaskMetrics metrics(task, Semantics::sound);
    DetailTally tally(task, Semantics::sound, {}, 0, 1);
    metrics.add(prediction, target);
    tally.add(prediction, target, {}, {"a"}, 0);
    return tally.finish(metrics);
  };
  const TaskDetail seg = dense(task_of(TaskKind::segmentation, 2), {1, 0, 1, 0}, {0, 1});
  CHECK(seg.confusion == std::vector<int64_t>{1, 0, 0, 1, 0, 0});
  CHECK(seg.worst[0].error == Catch::Approx(50));
  CHECK(seg.labels == 2);
  const TaskDetail normals =
      dense(task_of(TaskKind::normals), {0, 0, 2, 0, 3, 0}, {0, 0, 1, 0, 0, 1});
  CHECK(normals.worst[0].error == Catch::Approx(45));
  const TaskDetail depth = dense(task_of(TaskKind::depth), {1, 3}, {2, 0});  // 0 m is no label
  CHECK(depth.labels == 1);
  CHECK(depth.worst[0].error == Catch::Approx(1));
  CHECK(depth.scatter == std::vector<std::array<double, 2>>{{2, 1}});
}

TEST_CASE("detail: the confusion of many classes is left out", "[metrics][report]") {
  for (const int classes : {200, 201}) {
    const TaskDetail d = detail_of(task_of(TaskKind::classification, classes),
                                   std::vector<double>(static_cast<size_t>(classes), 0), {0});
    CHECK(d.labels == 1);
    CHECK(d.confusion.size() == (classes == 200 ? 200 * 201 : 0));
  }
}

TEST_CASE("test.json and data.json come back as they went, and damage is named", "[report]") {
  const TempFolder folder;
  CHECK_FALSE(read_test_record(folder.path()));
  CHECK_FALSE(read_data_summary(folder.path()));
  const TaskDetail d = detail_of(task_of(TaskKind::classification, 2), {0, 1, none, 0}, {0, 1});
  const TaskDetail set = detail_of(task_of(TaskKind::multilabel, 2), {1, 1}, {0, 1});
  write_test_record(folder.path(), {d, set});
  const auto back = read_test_record(folder.path());
  REQUIRE(back);
  REQUIRE(back->size() == 2);
  CHECK((*back)[1].each == set.each);
  CHECK((*back)[0].confusion == d.confusion);
  CHECK((*back)[0].calibration.size() == calibration_bins);
  CHECK(std::isnan((*back)[0].worst[0].error));
  DataSummary data;
  data.kind = "tabular";
  data.samples = {7, 2, 1};
  LabelSummary label;
  label.task = "t";
  label.classes = {"a", "b"};
  label.balance = {3, 4};
  data.tasks.push_back(label);
  write_data_summary(folder.path(), data);
  CHECK(read_data_summary(folder.path())->tasks[0].balance == label.balance);
  data.tasks[0].balance = {3};
  write_data_summary(folder.path(), data);
  CHECK_THROWS_WITH(
      read_data_summary(folder.path()),
      weft::contains_text("data.json: what it says of task 't' does not fit together"));
}
