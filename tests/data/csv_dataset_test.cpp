// A set of the user's own: values through map, ignore, invalid and scale; missing labels; splits;
// sizes that differ; and every mistake named with file, line and value. Then the real sets.
#include "data/sets/csv_dataset.h"

#include <cmath>
#include <cstdlib>

#include "data/loader.h"
#include "data/sets/label_decode.h"
#include "data/split.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/run_file.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

TaskSpec task_of(const std::string& name, TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = task.column = name;
  task.kind = kind;
  task.classes = classes;
  return task;
}

Picture gray(int height, int width, std::vector<float> values) {
  Picture picture(height, width, 1);
  for (size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = values[i % values.size()];
  return picture;
}

DataSpec spec_of(const std::string& root) {
  DataSpec data;
  data.kind = DataKind::csv;
  data.root = root;
  data.image = "photo";
  data.split = "part";
  return data;
}

/// Six images of two sizes, with a mask, a depth map, a room name, a yes/no and an age.
struct SmallSet {
  SmallSet() {
    std::string csv = "photo,mask,depth,room,sunny,age,part\n";
    for (int i = 0; i < 6; ++i) {
      const int h = 8 + 4 * (i % 2), w = 12;
      write_png(folder.file(fmt::format("p{}.png", i)), Picture(h, w, 3, 0.1f * i));
      write_values_png(folder.file(fmt::format("m{}.png", i)), gray(h, w, {0, 255, 128}), 8);
      write_values_png(folder.file(fmt::format("d{}.png", i)), gray(h, w, {0, 1500, 2500}), 16);
      csv += fmt::format("p{}.png,m{}.png,{},{},{},{},{}\n", i, i,
                         i == 2 ? "" : fmt::format("d{}.png", i), i % 3 ? "kitchen" : "hall",
                         i % 2 ? "yes" : "no", i == 4 ? "" : fmt::to_string(10 * i + 0.5),
                         i < 4    ? "train"
                         : i == 4 ? "val"
                                  : "test");
    }
    write_file(folder.file("index.csv"), csv);
    mask = task_of("mask", TaskKind::segmentation, 2);
    mask.map = {{0, 1}, {255, 0}};
    mask.ignore = 128;
    depth = task_of("depth", TaskKind::depth);
    depth.scale = 0.001;
    depth.invalid = 0;
  }
  TempFolder folder;
  TaskSpec mask, depth;
};

}  // namespace

TEST_CASE("csv data: values, missing labels, splits", "[data]") {
  const SmallSet small;
  const CsvDataset set(spec_of(small.folder.path()),
                       {small.mask, small.depth, task_of("room", TaskKind::classification, 2),
                        task_of("sunny", TaskKind::binary), task_of("age", TaskKind::regression)});
  REQUIRE(set.size() == 6);
  const Sample sample = set.load(1);
  CHECK((sample.image.height == 12 && sample.image.channels == 3));
  const std::vector<float>& mask = sample.labels[0].pixels;
  CHECK((mask[0] == 1 && mask[1] == 0 && std::isnan(mask[2])));
  const std::vector<float>& depth = sample.labels[1].pixels;
  CHECK((std::isnan(depth[0]) && depth[1] == Catch::Approx(1.5) && depth[2] == Catch::Approx(2.5)));
  CHECK(sample.labels[2].pixels[0] == 1);
  CHECK(set.class_names(2) == std::vector<std::string>{"hall", "kitchen"});
  CHECK(sample.labels[3].pixels[0] == 1);
  CHECK(sample.labels[4].pixels[0] == Catch::Approx(10.5));
  CHECK(set.load(2).labels[1].empty());
  CHECK(set.load(4).labels[4].empty());
  CHECK(
      (set.split(0) == Split::train && set.split(4) == Split::val && set.split(5) == Split::test));
  CHECK(set.key(3) == "p3.png");

  LoaderOptions options;
  options.tasks = {small.mask, small.depth};
  const CsvDataset two(spec_of(small.folder.path()), options.tasks);
  options.batch = 4;
  options.shuffle = false;
  options.fit.height = options.fit.width = 16;
  const Batch batch = Loader(two, make_parts(two).train, options).next();
  CHECK(batch.images.shape() == Shape{4, 16, 16, 3});
  CHECK(std::isnan(batch.targets[1].data<float>()[2 * 256 + 100]));  // row 2 has no depth
  options.fit.height = options.fit.width = 0;
  CHECK_THAT(message_of<DataError>([&] { Loader(two, make_parts(two).train, options).next(); }),
             contains_text("p1.png") && contains_text("data.size"));
}

TEST_CASE("csv data: every mistake is named", "[data]") {
  const SmallSet small;
  const TempFolder& folder = small.folder;
  const auto open = [&](const TaskSpec& task, DataSpec data) { CsvDataset(data, {task}).load(0); };
  const auto error = [&](const TaskSpec& task) {
    return message_of<DataError>([&] { open(task, spec_of(folder.path())); });
  };
  TaskSpec mask = small.mask;
  mask.map.clear();
  CHECK_THAT(error(mask), contains_text("m0.png: task 'mask': label id 255 is outside 0..1"));
  mask.map = {{255, 7}};
  CHECK_THAT(error(mask), contains_text("label id 255 (mapped to 7) is outside 0..1"));
  CHECK_THAT(error(task_of("nothing", TaskKind::depth)),
             contains_text("no column 'nothing'") && contains_text("photo, mask, depth"));
  CHECK_THAT(error(task_of("room", TaskKind::classification, 1)), contains_text("names 2 classes"));
  CHECK_THAT(error(task_of("room", TaskKind::regression)),
             contains_text("index.csv:2") && contains_text("'hall' is no number"));
  CHECK_THAT(error(task_of("room", TaskKind::depth)),
             contains_text("index.csv:2: column 'room': there is no file"));
  CHECK_THAT(error(task_of("mask", TaskKind::normals)), contains_text("1 channels, expected 3"));
  CHECK_THAT(error(task_of("mask", TaskKind::edges)), contains_text("set scale"));
  DataSpec data = spec_of(folder.path());
  data.split = "room";
  CHECK_THAT(message_of<DataError>([&] { open(small.mask, data); }),
             contains_text("index.csv:2: column 'room' says 'hall'"));
  data.split = "";
  data.image = "mask";
  CHECK(message_of<DataError>([&] { open(small.mask, data); }).empty());
  write_file(folder.file("m0.png"), "broken");
  CHECK_THAT(error(small.mask), contains_text("m0.png: is no PNG"));
  write_file(folder.file("index.csv"), "photo,mask,part\nnone.png,m0.png,train\n");
  CHECK_THAT(error(small.mask), contains_text("index.csv:2: column 'photo': there is no file"));
  write_file(folder.file("index.csv"), "photo,mask,part\n");
  CHECK_THAT(error(small.mask), contains_text("has no rows"));
}

TEST_CASE("csv data: ignore is an id of the file, or where a map leads outside the classes",
          "[data]") {
  TaskSpec task = task_of("seg", TaskKind::segmentation, 2);
  task.ignore = 0;
  task.map = {{1, 0}, {2, 1}};
  CHECK(std::isnan(decode_class(0, task, "x")));
  CHECK((decode_class(1, task, "x") == 0 && decode_class(2, task, "x") == 1));
  task.ignore = 255;
  task.map = {{7, 255}};
  CHECK(std::isnan(decode_class(7, task, "x")));
  CHECK_THAT(message_of<DataError>([&] { decode_class(0.5, task, "x"); }),
             contains_text("no class id"));
}

TEST_CASE("csv data: normals from bytes and from npy", "[data]") {
  TaskSpec task = task_of("n", TaskKind::normals);
  task.invalid = 255;
  Picture bytes(1, 3, 3);
  bytes.pixels = {255, 127.5f, 127.5f, 255, 255, 255, 127.5f, 0, 127.5f};
  const Picture decoded = decode_label(bytes, task, 8, "x");
  CHECK((decoded.pixels[0] == Catch::Approx(1) &&
         decoded.pixels[1] == Catch::Approx(0).margin(1e-6)));
  CHECK(std::isnan(decoded.pixels[3]));
  CHECK(decoded.pixels[7] == Catch::Approx(-1));
  Picture npy(1, 1, 3);
  npy.pixels = {0, 0.63f, 0.84f};
  CHECK(decode_label(npy, task, 0, "x").pixels[2] == Catch::Approx(0.8));
}

TEST_CASE("csv data: the real cwfid and rgbd_mini", "[data][real]") {
  const char* root = std::getenv("WEFT_DATA");
  if (!root) WEFT_SKIP("WEFT_DATA not set");
  TempFolder folder;
  const auto unpack = [&](const std::string& name, const std::string& archive) {
    const std::string source = join_path(root, name);
    const std::string command = fmt::format("tar xzf '{}/{}' -C '{}' && cp '{}/index.csv' '{}'",
                                            source, archive, folder.path(), source, folder.path());
    REQUIRE(std::system(command.c_str()) == 0);
  };
  DataSpec data;
  data.kind = DataKind::csv;
  data.root = folder.path();
  data.split = "split";
  unpack("cwfid", "cwfid432.tar.gz");
  TaskSpec mask = task_of("vegetation_mask", TaskKind::segmentation, 2);
  mask.map = {{0, 1}, {255, 0}};
  const CsvDataset cwfid(data, {mask, task_of("crop_weed_classes", TaskKind::segmentation, 3)});
  CHECK((cwfid.size() == 60 && cwfid.load(0).image.width == 432));
  const Parts fields = make_parts(cwfid);
  CHECK((fields.test.size() == 21 && fields.train.size() == 35 && fields.val.size() == 4));

  unpack("rgbd_mini", "rgbd_mini.tar.gz");
  TaskSpec depth = task_of("depth_mm", TaskKind::depth);
  depth.scale = 0.001;
  depth.invalid = 0;
  TaskSpec seg = task_of("seg13", TaskKind::segmentation, 13);
  seg.ignore = 0;
  for (int id = 1; id <= 13; ++id) seg.map[id] = id - 1;
  data.split = "";  // the sources' split has all labelled images in test
  data.ratio = {0.1, 0.2};
  const CsvDataset rgbd(data, {depth, seg});
  int labelled = 0, trained = 0;
  for (int64_t i = 0; i < rgbd.size(); ++i) {
    const Sample sample = rgbd.load(i);
    CHECK(!sample.labels[0].empty());
    labelled += !sample.labels[1].empty();
    trained += !sample.labels[1].empty() && rgbd.split(i) == Split::train;
  }
  CHECK((rgbd.size() == 48 && labelled == 8 && trained >= 2));
}

TEST_CASE("csv data: NYU v2's rooms by their run file: metres, upright floors, 39 classes",
          "[data][real]") {
  const char* root = std::getenv("WEFT_DATA");
  if (!root) WEFT_SKIP("WEFT_DATA not set");
  RunFile run = parse_run_file(source_dir() + "/runs/nyu_v2_rooms_3task.toml");
  run.data.root = join_path(root, "nyu_v2_1449/small48");
  const CsvDataset rooms(run.data, run.tasks);
  const Parts parts = make_parts(rooms);
  CHECK((parts.train.size() == 30 && parts.val.size() == 6 && parts.test.size() == 12));
  double up = 0, floors = 0, metres = 0, seen = 0;
  for (int64_t i = 0; i < rooms.size(); ++i) {
    const Sample sample = rooms.load(i);
    const Picture &seg = sample.labels[0], &normals = sample.labels[1], &depth = sample.labels[2];
    REQUIRE((sample.image.height == 180 && sample.image.width == 240));
    for (size_t p = 0; p < seg.pixels.size(); ++p) {
      if (!std::isnan(depth.pixels[p])) {
        metres += depth.pixels[p];
        ++seen;
      }
      if (seg.pixels[p] != 1 || std::isnan(normals.pixels[3 * p])) continue;
      up += normals.pixels[3 * p + 2];
      ++floors;
    }
  }
  CHECK((metres / seen > 2 && metres / seen < 4));
  CHECK(up / floors > 0.8);
}
