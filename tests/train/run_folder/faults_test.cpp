// Not-a-number and absence are two things, from a network's outputs to the files: a prediction that
// is NaN is wrong and counted, a loss that is NaN is the worst score, and both are written as what
// they are, while a task without labels stays absent.
#include <cmath>
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/metrics/decode.h"
#include "train/run_folder/run_folder.h"
#include "train/run_folder/summary.h"
#include "train/step/choice.h"
#include "train/step/evaluate.h"

using namespace weft;

namespace {

const double nan_value = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

TaskSpec task_of(TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = name_of(kind);
  task.kind = kind;
  task.classes = classes;
  return task;
}

/// One image of one row: [1, 1, w, channels].
Tensor row(const std::vector<double>& values, int64_t channels = 1) {
  return Tensor::from({1, 1, static_cast<int64_t>(values.size()) / channels, channels}, values,
                      DType::f32);
}

Measure metric(const TaskMetrics& metrics, const std::string& name) {
  for (const Metric& m : metrics.finish())
    if (m.name == name) return m.value;
  FAIL("no metric " << name);
  return {};
}

TaskMetrics measured(const TaskSpec& task, Semantics semantics, const Tensor& prediction,
                     const Tensor& labels) {
  TaskMetrics metrics(task, semantics);
  metrics.add(prediction, labels);
  return metrics;
}

}  // namespace

TEST_CASE("decode: logits that are NaN are no class, wherever the NaN stands", "[metrics][nan]") {
  const TaskSpec task = task_of(TaskKind::segmentation, 3);
  const Tensor logits = row({nan_value, 0, 1, 0, nan_value, 1, 0, 1, nan_value, 2, 0, 1,  //
                             nan_value, nan_value, nan_value, 0, 0, 5},
                            3);
  DecodedRows rows(task, Semantics::sound, logits, {}, 0, 1, 6);
  const double* ids = rows.row(0);
  for (int x : {0, 1, 2, 4}) CHECK(std::isnan(ids[x]));
  CHECK((ids[3] == 0 && ids[5] == 2));
  const TaskSpec binary = task_of(TaskKind::binary);
  const Tensor scores = row({nan_value, 1, -1});
  DecodedRows signs(binary, Semantics::sound, scores, {}, 0, 1, 3);
  CHECK((std::isnan(signs.row(0)[0]) && signs.row(0)[1] == 1 && signs.row(0)[2] == 0));
}

TEST_CASE("metrics: a network that is NaN is wrong everywhere, in both semantics",
          "[metrics][nan]") {
  for (const Semantics semantics : {Semantics::sound, Semantics::compat}) {
    // All labels are class 0, where an argmax that ignores NaN would find them.
    const auto seg = measured(task_of(TaskKind::segmentation, 2), semantics,
                              row({nan_value, nan_value, nan_value, 1}, 2), row({0, 0}));
    CHECK(metric(seg, "pixel_acc") == 0.0);
    CHECK(metric(seg, "miou").value_or(0) == 0.0);
    CHECK(seg.faults() == 3);
    const auto ids = measured(task_of(TaskKind::classification, 2), semantics,
                              row({nan_value, nan_value}, 2), row({0}));
    CHECK(metric(ids, "accuracy") == 0.0);
    const auto sign = measured(task_of(TaskKind::binary), semantics, row({nan_value}), row({0}));
    CHECK(metric(sign, "accuracy") == 0.0);
    const auto normal = measured(task_of(TaskKind::normals), semantics, row({nan_value, 0, 1}, 3),
                                 row({0, 0, 1}, 3));
    CHECK(metric(normal, "angle_mean") == 180.0);
    CHECK(metric(normal, "within_30") == 0.0);
    const auto depth = measured(task_of(TaskKind::depth), semantics, row({nan_value}), row({1}));
    CHECK(metric(depth, "delta_1.25") == 0.0);
    CHECK(is_fault(metric(depth, "abs")));
    const auto edges = measured(task_of(TaskKind::edges), semantics, row({nan_value}), row({1}));
    CHECK(is_fault(metric(edges, "abs")));
    const auto number =
        measured(task_of(TaskKind::regression), semantics, row({nan_value, 1}), row({1, 2}));
    for (const char* name : {"mae", "rmse", "r2"}) CHECK(is_fault(metric(number, name)));
  }
}

TEST_CASE("metrics: one NaN among right predictions costs its pixel, no more", "[metrics][nan]") {
  const auto seg = measured(task_of(TaskKind::segmentation, 2), Semantics::sound,
                            row({2, 1, 1, 2, nan_value, 1, 2, 1}, 2), row({0, 1, 0, 0}));
  CHECK(metric(seg, "pixel_acc") == 75.0);
  CHECK(std::abs(*metric(seg, "miou") - 100 * (2.0 / 3 + 1) / 2) < 1e-9);
  CHECK(seg.faults() == 1);
}

TEST_CASE("score: a loss that is NaN is the worst there is; no label counts nothing",
          "[train][nan]") {
  RunFile run;
  run.tasks = {task_of(TaskKind::depth), task_of(TaskKind::edges)};
  run.tasks[1].weight = 2;
  CHECK(score(run, {{"depth", 1.0, {}}, {"edges", 2.0, {}}}) == 3);
  CHECK(score(run, {{"depth", 1.0, {}}, {"edges", std::nullopt, {}}}) == 1);
  for (const double bad : {nan_value, -nan_value, infinity}) {
    CHECK(score(run, {{"depth", 1.0, {}}, {"edges", bad, {}}}) == infinity);
    CHECK(score(run, {{"depth", bad, {}}, {"edges", std::nullopt, {}}}) == infinity);
  }
  run.tasks[0].weight = 0;  // 0 times NaN
  CHECK(score(run, {{"depth", nan_value, {}}, {"edges", 2.0, {}}}) == infinity);
}

TEST_CASE("faults are named; absent results are none", "[train][nan]") {
  CHECK_FALSE(fault_of({{"seg", 1.0, {}}, {"depth", std::nullopt, {}}}));
  CHECK(fault_of({{"seg", 1.0, {}}, {"depth", nan_value, {}}}) ==
        "the loss of task 'depth' is nan");
  CHECK(fault_of({{"depth", 1.0, {{"rel", 0.5, false}, {"abs", infinity, false}}}}) ==
        "the abs of task 'depth' is inf");
  CHECK(fault_of({{"seg", 1.0, {}, 7}}) == "7 outputs of task 'seg' are NaN or infinite");
}

TEST_CASE("metrics.jsonl and summary.json tell NaN from absence", "[train][nan]") {
  test::TempFolder folder;
  const std::vector<Measure> values = {1.5, nan_value, infinity, -infinity, std::nullopt};
  const auto same = [](const Measure& a, const Measure& b) {
    return a == b || (a && b && std::isnan(*a) && std::isnan(*b));
  };
  {
    RunFolder run = RunFolder::create(folder.file("run"), "");
    for (const Measure& v : values)
      run.write(MetricsLine{
          Phase::retrain, 1, 0, "val", "seg", v, {{"miou", v, true}}, 0, v == 1.5 ? 3 : 0});
  }
  const auto lines = read_metrics(folder.file("run") + "/metrics.jsonl");
  REQUIRE(lines.size() == values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(same(lines[i].loss, values[i]));
    CHECK(same(lines[i].metrics.at(0).value, values[i]));
    CHECK(lines[i].faults == (i == 0 ? 3 : 0));
  }
  RunSummary summary;
  for (const Measure& v : values) summary.results.push_back({"seg", v, {{"miou", v, true}}});
  write_summary(folder.file("run"), summary);
  const RunSummary read = read_summary(folder.file("run"));
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(same(read.results[i].loss, values[i]));
    CHECK(same(read.results[i].metrics.at(0).value, values[i]));
  }
}
