// Labels that are no labels: lossy or turned files, other shapes than their picture's, normals of
// no length, values that no float holds; and what the run file says of npy files.
#include <cmath>
#include <limits>

#include "data/sets/csv_dataset.h"
#include "data/sets/label_decode.h"
#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/picture_bytes.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

TaskSpec task_of(TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = task.column = "y";
  task.kind = kind;
  task.classes = classes;
  return task;
}

}  // namespace

TEST_CASE("labels: a JPEG is none, and neither is a turned file", "[picture]") {
  const TempFolder folder;
  const std::string lossy = folder.file("s.png"), turned = folder.file("t.png");
  const Bytes jpeg = half_dark_jpeg(false);
  write_file(lossy, jpeg.data(), jpeg.size());
  const Bytes exif = with_exif(png(2, 1, 8, PNG_COLOR_TYPE_GRAY, {{0, 1}}), tiff_of(6, true));
  write_file(turned, exif.data(), exif.size());
  for (const TaskKind kind : {TaskKind::segmentation, TaskKind::depth, TaskKind::normals,
                              TaskKind::edges, TaskKind::keypoints}) {
    CHECK_THAT(message_of<DataError>([&] { read_label(lossy, task_of(kind)); }),
               contains_text(lossy) && contains_text("JPEG") && contains_text("save it as PNG"));
    CHECK_THAT(message_of<DataError>([&] { read_label(turned, task_of(kind)); }),
               contains_text("orientation 6"));
  }
}

TEST_CASE("labels: of the picture's shape, larger or smaller by one factor", "[picture]") {
  const auto complaint = [](int h, int w, int label_h, int label_w) {
    return message_of<DataError>([&] {
      check_label_size(Picture(h, w, 3), "p.jpg", Picture(label_h, label_w, 1), "l.png");
    });
  };
  for (const auto& [h, w] : std::vector<std::pair<int, int>>{
           {480, 640}, {240, 320}, {960, 1280}, {60, 80}, {61, 81}, {160, 213}, {33, 44}})
    CHECK(complaint(480, 640, h, w).empty());
  CHECK(complaint(481, 641, 60, 80).empty());
  CHECK(complaint(60, 80, 481, 641).empty());
  CHECK(complaint(1, 1, 1, 1).empty());
  const std::string turned = complaint(16, 24, 24, 16);
  CHECK_THAT(turned, contains_text("l.png: a label of 24 x 16") &&
                         contains_text("p.jpg, which is 16 x 24"));
  CHECK(!complaint(480, 640, 480, 480).empty());
  CHECK(!complaint(480, 640, 480, 632).empty());
  CHECK(!complaint(480, 640, 128, 128).empty());
  CHECK(!complaint(60, 80, 480, 700).empty());
}

TEST_CASE("labels: normals that are far from unit length, and values that no float holds",
          "[picture]") {
  const TaskSpec normals = task_of(TaskKind::normals);
  const auto kept = [&](std::vector<float> n, int bits) {
    Picture picture(1, 1, 3);
    picture.pixels = std::move(n);
    return !std::isnan(decode_label(picture, normals, bits, "x").pixels[0]);
  };
  CHECK((kept({0, 0.6f, 0.8f}, 0) && kept({0, 0, -1.05f}, 0)));
  CHECK((!kept({0, 3, 4}, 0) && !kept({0, 0, 0.5f}, 0) && !kept({0, 0, 0}, 0)));
  CHECK((!kept({0, 0, 0}, 8) && !kept({128, 128, 128}, 8) && !kept({255, 255, 255}, 8)));
  for (int i = 0; i < 200; ++i) {  // whatever 8 bits make of a unit vector is one
    const double angle = 0.1 * i, tilt = 0.07 * i;
    const double n[3] = {std::cos(angle) * std::cos(tilt), std::sin(angle) * std::cos(tilt),
                         std::sin(tilt)};
    std::vector<float> bytes;
    for (const double v : n) bytes.push_back(static_cast<float>(std::round((v + 1) * 127.5)));
    CHECK(kept(bytes, 8));
  }
  CHECK_THAT(message_of<DataError>([&] { kept({0, 0, 1}, 32); }), contains_text("32 bits"));
  Picture depth(2, 2, 1);
  depth.pixels = {1, 2, std::nanf(""), 3};
  const TaskSpec metres = task_of(TaskKind::depth);
  CHECK(std::isnan(decode_label(depth, metres, 0, "x").pixels[2]));
  depth.pixels[3] = std::numeric_limits<float>::infinity();
  CHECK_THAT(message_of<DataError>([&] { decode_label(depth, metres, 0, "d.npy"); }),
             contains_text("d.npy: task 'y': no float holds the value in row 1, column 1"));
  TaskSpec scaled = metres;
  scaled.scale = 1e38;
  depth.pixels[3] = 3e4f;
  CHECK_THAT(message_of<DataError>([&] { decode_label(depth, scaled, 0, "d.npy"); }),
             contains_text("row 1, column 1"));
  Picture edges(1, 1, 1, -0.5f);
  CHECK_THAT(message_of<DataError>([&] { decode_label(edges, task_of(TaskKind::edges), 0, "x"); }),
             contains_text("edges are 0..1, but the file has -0.5"));
}

TEST_CASE("csv data: layout, white and shapes are the run file's", "[picture]") {
  const TempFolder folder;
  const Bytes photo = npy<float>("<f4", "(3, 1, 2)", {255, 0, 51, 0, 0, 0});
  write_file(folder.file("p.npy"), photo.data(), photo.size());
  const Bytes label = npy<uint8_t>("|u1", "(1, 1, 2)", {1, 0});
  write_file(folder.file("s.npy"), label.data(), label.size());
  write_file(folder.file("index.csv"), "image,y\np.npy,s.npy\n");
  DataSpec data;
  data.kind = DataKind::csv;
  data.root = folder.path();
  data.ratio = {0.1, 0.1};
  const auto load = [&] { return CsvDataset(data, {task_of(TaskKind::segmentation, 2)}).load(0); };
  CHECK_THAT(message_of<DataError>(load), contains_text("p.npy: npy of shape (3, 1, 2)"));
  data.layout = NpyLayout::chw;
  CHECK_THAT(message_of<DataError>(load), contains_text("p.npy: holds 255"));
  data.float_max = 255;
  const Sample sample = load();
  CHECK((sample.image.pixels[0] == 1 && sample.image.pixels[1] == Catch::Approx(0.2)));
  CHECK(sample.labels[0].pixels == std::vector<float>{1, 0});
  write_values_png(folder.file("s.npy"), Picture(2, 1, 1), 8);
  CHECK_THAT(message_of<DataError>(load),
             contains_text("s.npy: a label of 2 x 1") && contains_text("p.npy, which is 1 x 2"));
}
