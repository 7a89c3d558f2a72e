// What int8 costs on a run's own data: f32's side is what evaluation says of the model, int8's is near
// it; tasks of one input and of inputs of their own; pictures of another size, and none.
#include "train/export/int8/on_data.h"

#include <algorithm>
#include <cmath>

#include "data/split.h"
#include "models/binary_policy.h"
#include "tests/support/catch.h"
#include "tests/support/domain_set.h"
#include "tests/support/rooms_run.h"
#include "tests/train/export/cases.h"
#include "train/export/export_run.h"
#include "train/step/build.h"
#include "train/step/evaluate.h"

using namespace weft;
using namespace weft::test;

namespace {

struct Measured {
  RunExport made;
  Int8Network network;
  std::vector<TaskAccuracy> accuracy;
  std::vector<TaskResult> evaluated;
};

Measured measure(RunFile run, const BinaryPolicy* policy = nullptr, RunExportOptions options = {}) {
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const Parts parts = make_parts(*data, run.semantics);
  Measured out;
  out.made = export_run(&cpu, *model, run, policy, learn_from(run, *data), options);
  const RunData on{run, *model, *data};
  out.network =
      quantised(out.made.network, calibrated(&cpu, out.made.network, on, parts.train, 8).ranges);
  const std::vector<int64_t>& part = parts.val.empty() ? parts.test : parts.val;
  out.accuracy = accuracy_of(&cpu, out.network, on, part);
  out.evaluated = evaluate(&cpu, *model, run, *data, part, [&](int64_t) { return policy; });
  return out;
}

/// f32's metrics are the evaluation's, and int8's are near; others, unless they only count classes of a
/// few pictures.
void check(const Measured& m, bool counts = false) {
  REQUIRE(m.accuracy.size() == m.evaluated.size());
  bool differs = false;
  for (size_t k = 0; k < m.accuracy.size(); ++k) {
    const TaskAccuracy& task = m.accuracy[k];
    INFO(task.task);
    CHECK(task.task == m.evaluated[k].task);
    REQUIRE(task.f32.size() == task.int8.size());
    int compared = 0;
    for (const Metric& metric : m.evaluated[k].metrics)
      for (size_t i = 0; i < task.f32.size(); ++i) {
        if (task.f32[i].name != metric.name || !metric.value || !task.f32[i].value) continue;
        INFO(metric.name);
        const double scale = std::max(1.0, std::abs(*metric.value));
        CHECK(std::abs(*task.f32[i].value - *metric.value) < 2e-3 * scale);
        CHECK(std::abs(*task.int8[i].value - *metric.value) < 0.2 * std::max(50.0, scale));
        differs = differs || *task.int8[i].value != *task.f32[i].value;
        ++compared;
      }
    CHECK(compared > 0);
  }
  CHECK((differs || counts));
}

}  // namespace

TEST_CASE("int8: accuracy beside f32's, which is the evaluation's, of dense tasks", "[int8]") {
  check(measure(rooms_run({"sharing=hard"})));
}

TEST_CASE("int8: accuracy of an AdaShare network whose policy skips blocks", "[int8]") {
  const RunFile run = rooms_run({"sharing=adashare"});
  BinaryPolicy policy{{std::vector<int>(8, 1), std::vector<int>(8, 1)}};
  for (const size_t block : {size_t{1}, size_t{4}})
    policy.select[0][block] = policy.select[1][block] = 0;
  policy.select[1][6] = 0;
  const Measured m = measure(run, &policy);
  for (const ExportedNode& node : m.network.network.nodes)
    CHECK(node.name.find("layer1.1") == std::string::npos);
  check(m);
}

TEST_CASE("int8: accuracy of tasks that bring pictures of their own", "[int8]") {
  const TempFolder folder;
  write_domains(folder);
  check(measure(domain_run(folder)), /*counts=*/true);
}

TEST_CASE("int8: a network of another size is measured at the data's", "[int8]") {
  RunExportOptions options;
  options.height = 40;
  options.width = 56;
  options.tasks = {"depth"};
  const RunFile run = rooms_run({"sharing=hard"});
  const Measured sized = measure(run, nullptr, options);
  options.height = options.width = 0;
  const Measured own = measure(run, nullptr, options);
  CHECK(sized.network.network.nodes[0].shape == Shape{40, 56, 3});
  REQUIRE(sized.accuracy.size() == 1);
  for (size_t i = 0; i < own.accuracy[0].f32.size(); ++i) {
    CHECK(sized.accuracy[0].f32[i].value == own.accuracy[0].f32[i].value);
    CHECK(sized.accuracy[0].int8[i].value == own.accuracy[0].int8[i].value);
  }
}

TEST_CASE("int8: no training images, or a size that cannot be measured, is a clear error",
          "[int8]") {
  RunFile run = rooms_run({"sharing=hard"});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const RunData on{run, *model, *data};
  const ExportedNetwork& network = random_model(export_case("hard vgg16")).exported();
  CHECK_THAT(message_of<DataError>([&] { calibrated(&cpu, network, on, {}, 8); }),
             contains_text("the data have no training images to find ranges in"));
  CHECK_THAT(message_of<DataError>([&] {
               calibrated(&cpu, network, on, {0, 1}, 8);
             }),
             contains_text("the data's pictures are 33x33, and the network is for 32x37 alone"));
}
