// Delta_T and the official relative score by hand.
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/train/metrics/metrics_golden.h"
#include "train/metrics/delta.h"

using namespace weft;
using weft::test::close;

namespace {

Metric metric(const char* name, Measure value) { return {name, value, higher_is_better(name)}; }

}  // namespace

TEST_CASE("Delta_T: mean over metrics, then over tasks", "[metrics]") {
  const MetricsOfTasks single = {{metric("miou", 20), metric("pixel_acc", 50), metric("err", 1)},
                                 {metric("abs", 0.5)}};
  const MetricsOfTasks multi = {{metric("miou", 22), metric("pixel_acc", 45), metric("err", 9)},
                                {metric("abs", 0.4)}};
  const Delta found = delta(multi, single);
  REQUIRE(found.tasks.size() == 2);
  CHECK(close(*found.tasks[0], 0.5 * (10 - 10)));
  CHECK(close(*found.tasks[1], 20));  // lower is better: a fifth less is 20 % better
  CHECK(close(*found.overall, 10));
}

TEST_CASE("Delta_T leaves out what has no value", "[metrics]") {
  const MetricsOfTasks single = {{metric("miou", 0), metric("pixel_acc", 50)}, {metric("abs", 1)}};
  const MetricsOfTasks multi = {{metric("miou", 5), metric("pixel_acc", 60)},
                                {metric("abs", std::nullopt)}};
  const Delta found = delta(multi, single);
  CHECK(close(*found.tasks[0], 20));
  CHECK_FALSE(found.tasks[1]);
  CHECK(close(*found.overall, 20));
  CHECK_THROWS_AS(delta(multi, {single[0]}), ConfigError);
}

TEST_CASE("Delta_T: a metric that is no number is shown, never left out", "[metrics][nan]") {
  const double fault[] = {std::numeric_limits<double>::quiet_NaN(),
                          std::numeric_limits<double>::infinity()};
  const MetricsOfTasks sound = {{metric("miou", 20), metric("pixel_acc", 50)}, {metric("abs", 1)}};
  for (const double bad : fault)
    for (const bool in_single : {false, true}) {
      MetricsOfTasks broken = sound;
      broken[0][1].value = bad;
      const Delta found = in_single ? delta(sound, broken) : delta(broken, sound);
      CHECK((found.tasks[0] && std::isnan(*found.tasks[0])));
      CHECK(close(*found.tasks[1], 0));
      CHECK((found.overall && std::isnan(*found.overall)));
      CHECK(std::isnan(relative_score(broken, sound)));
    }
}

TEST_CASE("the official score is a sum of mean ratios", "[metrics]") {
  TaskSpec normals, segmentation, edges;
  normals.kind = TaskKind::normals;
  segmentation.kind = TaskKind::segmentation;
  edges.kind = TaskKind::edges;
  const auto references = official_references("nyu_v2_2task", {normals, segmentation, edges});
  REQUIRE(references);
  REQUIRE(references->size() == 3);
  CHECK((*references)[2].empty());
  CHECK(close(relative_score(*references, *references), 2));
  const MetricsOfTasks found = {
      {metric("angle_mean", 30), metric("angle_median", 11.5), metric("within_11.25", 49.2),
       metric("within_22.5", 76.7), metric("within_30", 86.8), metric("within_45", 1)},
      {metric("miou", 82.6), metric("pixel_acc", 69.1)},
      {metric("abs", 0.2)}};
  CHECK(close(relative_score(found, *references), (0.5 + 4) / 5 + 1.5));
  CHECK_FALSE(official_references("nyu_v2_4task", {normals}));
  for (const char* name : {"nyu_v2_3task", "cityscapes_2task", "cityscapes_2task_7small",
                           "cityscapes_2task_7large", "taskonomy_5task"})
    CHECK(official_references(name, {segmentation})->at(0).size() >= 1);
}
