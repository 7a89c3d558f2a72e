// The data of a run in numbers: rendered rooms, and labels that are missing.
#include "train/loop/data_summary.h"

#include <cmath>
#include <numeric>

#include "data/scenes/scenes_dataset.h"
#include "tests/support/catch.h"
#include "train/loop/sample_sheets.h"

using namespace weft;

namespace {

RunFile rooms() {
  RunFile run;
  run.data.kind = DataKind::scenes;
  for (TaskSpec task : all_scene_tasks())
    if (task.kind != TaskKind::edges && task.kind != TaskKind::keypoints)
      run.tasks.push_back(std::move(task));
  return run;
}

/// Four samples of one number, of which the second has none.
class Numbers final : public Dataset {
 public:
  int64_t size() const override { return 4; }
  Sample load(int64_t index) const override {
    Sample sample{Picture(1, 1, 3), {Picture{}}};
    if (index != 1) sample.labels[0] = scalar_picture(static_cast<float>(index));
    return sample;
  }
  std::string key(int64_t index) const override { return std::to_string(index); }
  Split split(int64_t) const override { return Split::train; }
  bool labelled(int64_t index, size_t) const override { return index != 1; }
  LearnedFromData learned() const override {
    LearnedFromData out;
    out.tasks.push_back({"t", {}, 10, 2});
    return out;
  }
};

/// Depths 1 to 10,000 in every sample, 4 samples of 100 x 100; the first pixel has none.
class Depths final : public Dataset {
 public:
  int64_t size() const override { return 4; }
  Sample load(int64_t) const override {
    Sample sample{Picture(100, 100, 3), {Picture(100, 100, 1)}};
    std::iota(sample.labels[0].pixels.begin(), sample.labels[0].pixels.end(), 0.0F);
    return sample;
  }
  std::string key(int64_t index) const override { return std::to_string(index); }
  Split split(int64_t) const override { return Split::train; }
  bool labelled(int64_t, size_t) const override { return true; }
};

}  // namespace

TEST_CASE("data summary: of a large depth map counts are of all pixels, the histogram of some",
          "[report]") {
  RunFile run;
  run.data.kind = DataKind::csv;
  TaskSpec task;
  task.name = "depth";
  task.kind = TaskKind::depth;
  run.tasks.push_back(task);
  Parts parts;
  parts.train = {0, 1, 2, 3};
  const LabelSummary t = summarise_data(run, Depths(), parts).tasks.at(0);
  CHECK(t.labels == 4 * 9999);
  CHECK(t.invalid == 4);
  CHECK(t.least == 1);
  CHECK(t.most == 9999);
  CHECK(t.mean == Catch::Approx(5000));
  const int64_t drawn = std::accumulate(t.histogram.begin(), t.histogram.end(), int64_t{0});
  CHECK(drawn == 4 * 3333);
  for (const int64_t n : t.histogram) CHECK(std::abs(n - drawn / 24) < 8);
}

TEST_CASE("data summary: parts, classes by name, pixels of some samples", "[report]") {
  const RunFile run = rooms();
  const ScenesDataset data(run.tasks, 1, 24, 32, 20, 3, 4);
  const Parts parts = make_parts(data);
  const DataSummary summary = summarise_data(run, data, parts, 5);
  CHECK(summary.samples == std::array<int64_t, 3>{20, 3, 4});
  CHECK(summary.read == 5);
  CHECK(summary.height == 24);
  CHECK(summary.width == 32);
  REQUIRE(summary.tasks.size() == run.tasks.size());
  const auto of = [&](TaskKind kind) -> const LabelSummary& {
    for (const LabelSummary& t : summary.tasks)
      if (t.kind == name_of(kind)) return t;
    FAIL("no such task");
    return summary.tasks[0];
  };
  const LabelSummary& seg = of(TaskKind::segmentation);
  CHECK(seg.classes[0] == "wall");
  CHECK(seg.labels + seg.invalid == 5 * 24 * 32);
  CHECK(std::accumulate(seg.balance.begin(), seg.balance.end(), int64_t{0}) == seg.labels);
  // Whole samples are all counted, and their labels are those that load() gives.
  const LabelSummary& rooms = of(TaskKind::classification);
  CHECK(rooms.labels == 20);
  std::vector<int64_t> counted(rooms.balance.size(), 0);
  size_t k = 0;
  while (run.tasks[k].kind != TaskKind::classification) ++k;
  for (const int64_t index : parts.train)
    ++counted[static_cast<size_t>(data.load(index).labels[k].pixels[0])];
  CHECK(rooms.balance == counted);
  CHECK(rooms.classes[0] == "kitchen");
  CHECK(of(TaskKind::binary).classes == std::vector<std::string>{"ordinary", "odd"});
  const LabelSummary& depth = of(TaskKind::depth);
  CHECK(depth.least > 0);
  CHECK(depth.most > depth.least);
  CHECK(std::accumulate(depth.histogram.begin(), depth.histogram.end(), int64_t{0}) ==
        depth.labels);
}

TEST_CASE("data summary: a missing label is counted as one, numbers are in their unit",
          "[report]") {
  RunFile run;
  run.data.kind = DataKind::tabular;
  TaskSpec task;
  task.name = "t";
  task.kind = TaskKind::regression;
  task.unit = "years";
  run.tasks.push_back(task);
  const Numbers data;
  Parts parts;
  parts.train = {0, 1, 2, 3};
  const DataSummary summary = summarise_data(run, data, parts);
  const LabelSummary& t = summary.tasks.at(0);
  CHECK(t.labelled == std::array<int64_t, 3>{3, 0, 0});
  CHECK(t.missing == 1);
  CHECK(t.labels == 3);
  CHECK(t.least == 10);
  CHECK(t.most == 16);
  CHECK(t.mean == Catch::Approx((10 + 14 + 16) / 3.0));
  CHECK(t.histogram.front() == 1);
  CHECK(t.histogram.back() == 1);
  CHECK(t.value == "years");
  CHECK(sample_sheet(run, data, {0}).rows.empty());  // three numbers of a row are no picture
  run.data.kind = DataKind::text;
  CHECK(sample_sheet(run, data, {0}).rows.empty());
}

TEST_CASE("samples: a sheet of inputs and labels, classes in words", "[report]") {
  const RunFile run = rooms();
  const ScenesDataset data(run.tasks, 1, 24, 32, 6, 1, 1);
  const std::string svg = draw_sheet(sample_sheet(run, data, {0, 3}));
  size_t images = 0;
  for (size_t at = svg.find("<image"); at != svg.npos; at = svg.find("<image", at + 1)) ++images;
  CHECK(images == 2 * 4);  // the input, and three dense labels
  CHECK(svg.find("classification: ") != svg.npos);
  CHECK(svg.find(scene_room_name(static_cast<int>(*data.class_of(0, 3)))) != svg.npos);
  CHECK(svg.find("binary: ordinary") != svg.npos);
}
