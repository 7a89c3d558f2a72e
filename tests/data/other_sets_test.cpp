// AdaShare's other layouts, on tiny sets that the tests write: CityScapes, Tiny-Taskonomy,
// DomainNet; and the door that opens a set by the run file's data.kind.
#include <cmath>
#include <cstring>

#include "data/augment.h"
#include "data/sets/cityscapes.h"
#include "data/sets/domainnet.h"
#include "data/sets/taskonomy.h"
#include "data/split.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/step/open_data.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

TaskSpec task_of(const std::string& name, TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = name;
  task.kind = kind;
  task.classes = classes;
  return task;
}

Picture row(std::vector<float> values, int channels = 1) {
  Picture picture(1, static_cast<int>(values.size()) / channels, channels);
  picture.pixels = std::move(values);
  return picture;
}

}  // namespace

TEST_CASE("cityscapes: groups of npy, void -1, inverse depth", "[data]") {
  TempFolder folder;
  write_npy(folder.file("image.npy"), row({0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f}, 3));
  write_npy(folder.file("depth.npy"), row({0.25f, 0}));
  write_npy(folder.file("label2.npy"), row({1, -1}));
  write_npy(folder.file("label7.npy"), row({6, -1}));
  write_npy(folder.file("label19.npy"), row({18, -1}));
  const std::string group =
      R"(["image.npy", "depth.npy", "label2.npy", "label7.npy", "label19.npy"])";
  write_file(folder.file("cityscape.json"),
             fmt::format("{{\"train\": [{0}], \"val\": [{0}], \"test\": [{0}]}}", group));
  DataSpec data;
  data.root = folder.path();
  const std::vector<TaskSpec> tasks = {task_of("seg", TaskKind::segmentation, 19),
                                       task_of("depth", TaskKind::depth),
                                       task_of("coarse", TaskKind::segmentation, 7)};
  const CityScapes set(data, tasks);
  REQUIRE(set.size() == 3);
  const Sample sample = set.load(0);
  CHECK(sample.image.pixels[5] == 0.6f);
  CHECK((sample.labels[0].pixels[0] == 18 && std::isnan(sample.labels[0].pixels[1])));
  CHECK((sample.labels[1].pixels[0] == 0.25f && std::isnan(sample.labels[1].pixels[1])));
  CHECK(sample.labels[2].pixels[0] == 6);
  FitOptions zoom;
  zoom.augment.scale = {2, 2};
  zoom.augment.crop = {2, 4};
  zoom.depth_unit = set.depth_unit();
  const Philox draws(1, Stream::data, 0, "x");
  CHECK(fit_sample(sample, tasks, zoom, draws).labels[1].pixels[0] == 0.5f);  // nearer
  CHECK_THAT(message_of<ConfigError>(
                 [&] { CityScapes(data, {task_of("seg", TaskKind::segmentation, 40)}); }),
             contains_text("2, 7 or 19 classes"));
}

TEST_CASE("taskonomy: ids, normals, log depth, keypoints, edges", "[data]") {
  TempFolder folder;
  write_png(folder.file("rgb.png"), row({0, 0, 0, 1, 1, 1}, 3));
  write_values_png(folder.file("seg.png"), row({0, 17}), 8);
  write_values_png(folder.file("sn.png"), row({255, 127, 127, 127, 127, 255}, 3), 8);
  write_values_png(folder.file("depth.png"), row({65535, 1000}), 16);
  write_values_png(folder.file("key.png"), row({0, 3000}), 16);
  write_values_png(folder.file("edge.png"), row({65536 * 0.04f, 60000}), 16);
  const std::string group =
      R"(["rgb.png", "seg.png", "sn.png", "depth.png", "key.png", "edge.png"])";
  write_file(folder.file("taskonomy.json"),
             fmt::format("{{\"train1\": [{0}], \"test_small\": [{0}]}}", group));
  Picture weights(1, 1, 17, 0.5f);
  write_npy(folder.file("semseg_prior_factor.npy"), weights);
  DataSpec data;
  data.root = folder.path();
  const std::vector<TaskSpec> tasks = {
      task_of("seg", TaskKind::segmentation, 17), task_of("sn", TaskKind::normals),
      task_of("depth", TaskKind::depth), task_of("key", TaskKind::keypoints),
      task_of("edge", TaskKind::edges)};
  const Taskonomy set(data, tasks, Semantics::sound);
  CHECK((set.split(0) == Split::val && set.split(1) == Split::weights));
  CHECK((set.class_weights(0).size() == 17 && set.class_weights(1).empty()));
  const Sample sample = set.load(0);
  CHECK((sample.labels[0].pixels[0] == 0 && sample.labels[0].pixels[1] == 16));
  CHECK(sample.labels[1].pixels[0] == Catch::Approx(1).margin(0.01));
  CHECK(sample.labels[1].pixels[5] == Catch::Approx(1).margin(0.01));
  CHECK(std::isnan(sample.labels[2].pixels[0]));
  CHECK(sample.labels[2].pixels[1] == Catch::Approx(std::log(1001.0) / std::log(65536.0)));
  CHECK((sample.labels[3].pixels[0] == 0 && sample.labels[3].pixels[1] == 1));
  CHECK(sample.labels[4].pixels[0] == Catch::Approx(0.5).epsilon(1e-3));
  const Sample compat = Taskonomy(data, tasks, Semantics::compat).load(0);
  CHECK((compat.labels[3].pixels[0] == -1 && compat.labels[3].pixels[1] == 1));
  CHECK(compat.labels[4].pixels[0] == Catch::Approx(0).margin(1e-3));
  // A zoom by 2 halves the distance behind the logarithm.
  FitOptions zoom;
  zoom.augment.scale = {2, 2};
  zoom.augment.crop = {2, 4};
  zoom.depth_unit = set.depth_unit();
  const Sample near = fit_sample(sample, tasks, zoom, Philox(1, Stream::data, 0, "x"));
  CHECK(near.labels[2].pixels[3] == Catch::Approx(std::log(501.0) / std::log(65536.0)));
}

TEST_CASE("domainnet: lines by domain, each its own task", "[data]") {
  TempFolder folder;
  make_folder(folder.file("real"));
  for (int i = 0; i < 4; ++i) {
    write_png(folder.file(fmt::format("real/{}.png", i)), Picture(2, 2, 3, 0.25f * i));
  }
  write_file(folder.file("train.txt"), "real/0.png 3\nreal/1.png 344\nreal/2.png 0\n");
  write_file(folder.file("test.txt"), "real/3.png 7\n");
  const std::string index = folder.file("DomainNet.json");
  write_file(index, R"({"train": {"real": [0, 1], "sketch": [2]}, "train1": {"real": [0]},
                        "train2": {"real": [1]}, "test": {"real": [0]}})");
  DataSpec data;
  data.root = folder.path();
  const std::vector<TaskSpec> tasks = {task_of("real", TaskKind::classification, 345),
                                       task_of("sketch", TaskKind::classification, 345)};
  const DomainNet set(data, tasks);
  REQUIRE(set.size() == 4);
  int labels = 0;
  for (int64_t i = 0; i < 4; ++i) {
    const Sample sample = set.load(i);
    CHECK(!sample.labels[set.only_task(i)].empty());
    CHECK(sample.labels[1 - set.only_task(i)].empty());
    labels += static_cast<int>(sample.labels[set.only_task(i)].pixels[0]);
  }
  CHECK(labels == 3 + 344 + 0 + 7);
  const Parts parts = make_parts(set);
  CHECK(parts.test.size() == 1);
  CHECK((parts.train.size() + parts.val.size() == 3));
  CHECK(set.only_task(parts.test[0]) == 0);

  const auto error = [&] { return message_of<DataError>([&] { DomainNet(data, tasks); }); };
  write_file(index, R"({"train": {"real": [0, 9], "sketch": [2]}})");
  CHECK_THAT(error(), contains_text("train.real names line 9, of 3 lines"));
  write_file(index, R"({"train": {"real": [0]}})");
  CHECK_THAT(error(), contains_text("no samples of the domain 'sketch'"));
  write_file(folder.file("train.txt"), "real/0.png\n");
  CHECK_THAT(error(), contains_text("train.txt:1: expected \"path class\""));
}

TEST_CASE("open_dataset: by data.kind", "[data]") {
  RunFile run;
  run.data.kind = DataKind::scenes;
  run.data.size = {16, 16};
  run.tasks = {task_of("depth", TaskKind::depth)};
  CHECK(open_dataset(run)->load(0).labels.size() == 1);
  for (const char* kind : {"csv", "nyu_v2", "cityscapes", "taskonomy", "domainnet", "multi_mnist",
                           "multi_fashion", "multi_fashion_mnist"}) {
    run.data.kind = from_word<DataKind>("data.kind", kind);
    run.data.root = "/no/such/folder";
    run.tasks = {task_of("left", TaskKind::classification, 10)};
    CAPTURE(kind);
    CHECK_THROWS_AS(open_dataset(run), UserError);
  }
}
