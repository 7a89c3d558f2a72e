// Scenes: pure functions of (seed, number), labels that agree with each other and with geometry,
// all classes and rooms met, five odd scenes in a hundred.
#include "data/scenes/scenes_dataset.h"
#include "train/pictures/scene_pictures.h"

#include <cmath>
#include <cstring>
#include <set>

#include "data/scenes/render.h"
#include "data/scenes/trace.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;

namespace {

bool same_bits(const Picture& a, const Picture& b) {
  return a.pixels.size() == b.pixels.size() &&
         std::memcmp(a.pixels.data(), b.pixels.data(), a.pixels.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("scenes: the same seed and number give the same bits, others do not", "[data][scenes]") {
  const ScenesDataset a(all_scene_tasks(), 7, 48, 64, 20, 5, 5);
  const ScenesDataset b(all_scene_tasks(), 7, 48, 64, 11, 3, 2);
  const ScenesDataset other(all_scene_tasks(), 8, 48, 64, 20, 5, 5);
  CHECK(a.size() == 30);
  const Sample first = a.load(3), again = a.load(3), elsewhere = b.load(3);
  REQUIRE(first.labels.size() == 7);
  CHECK((first.image.height == 48 && first.image.width == 64 && first.image.channels == 3));
  CHECK(same_bits(first.image, again.image));
  for (size_t k = 0; k < first.labels.size(); ++k) {
    CHECK(same_bits(first.labels[k], again.labels[k]));
    CHECK(same_bits(first.labels[k], elsewhere.labels[k]));
  }
  CHECK_FALSE(same_bits(first.image, other.load(3).image));
  // Held-out scenes do not move when the training part grows.
  CHECK(same_bits(a.load(20).image, b.load(11).image));
  CHECK(same_bits(a.load(25).image, b.load(14).image));
  CHECK(a.key(20) == b.key(11));
  CHECK((a.split(19) == Split::train && a.split(20) == Split::val && a.split(25) == Split::test));
}

TEST_CASE("scenes: labels are valid and agree with the geometry", "[data][scenes]") {
  const int size = 64;
  int void_depth = 0, void_class = 0, pixels = 0, on_plane = 0, checked = 0, keypoints = 0;
  for (uint32_t number = 0; number < 24; ++number) {
    const scenes::World world = scenes::build_world(1, number);
    REQUIRE(world.solids.size() <= 64);
    const scenes::Rendered r =
        scenes::render(world, size, size, Philox(1, Stream::data, number, "scenes.noise"));
    for (float value : r.image.pixels) REQUIRE((value >= 0 && value <= 1));
    for (float value : r.edges.pixels) REQUIRE((value >= 0 && value <= 1));
    for (float value : r.keypoints.pixels) {
      REQUIRE((value >= 0 && value <= 1));
      keypoints += value > 0.9f;
    }
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        ++pixels;
        const float id = *r.segmentation.at(y, x), depth = *r.depth.at(y, x);
        const float* n = r.normals.at(y, x);
        void_class += std::isnan(id);
        void_depth += std::isnan(depth);
        if (!std::isnan(id)) REQUIRE((id >= 0 && id < scene_classes && id == std::floor(id)));
        REQUIRE(std::isnan(depth) == std::isnan(n[0]));
        if (std::isnan(depth)) continue;
        REQUIRE((depth > 0.05f && depth < 12));
        REQUIRE(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] == Catch::Approx(1).epsilon(1e-4));
        // The next pixel of the same surface lies in this one's tangent plane.
        if (x + 1 == size || std::isnan(*r.depth.at(y, x + 1))) continue;
        const float* m = r.normals.at(y, x + 1);
        if (n[0] * m[0] + n[1] * m[1] + n[2] * m[2] < 0.9999f || *r.edges.at(y, x) > 0) continue;
        const auto point = [&](int px, float d) {
          const float t = world.camera.tangent;
          return scenes::Vec3{(2 * (px + 0.5f) / size - 1) * t * d,
                              (1 - 2 * (y + 0.5f) / size) * t * d, -d};
        };
        const scenes::Vec3 step = point(x + 1, *r.depth.at(y, x + 1)) - point(x, depth);
        ++checked;
        on_plane += std::abs(dot({n[0], n[1], n[2]}, step)) < 0.02f * length(step);
      }
    }
  }
  CHECK(checked > pixels / 2);
  CHECK(on_plane > 0.99 * checked);
  CHECK(void_depth > 0);
  CHECK(void_depth < pixels / 5);
  CHECK(void_class > 0);
  CHECK(keypoints > 24 * 5);
}

TEST_CASE("scenes: every class and room occurs, and one scene in twenty is odd", "[data][scenes]") {
  int odd = 0, rooms[scene_rooms] = {};
  std::set<int> classes;
  const int count = 3000;
  for (int i = 0; i < count; ++i) {
    const scenes::World world = scenes::build_world(2, i);
    odd += world.odd;
    ++rooms[static_cast<int>(world.kind)];
    for (const scenes::Solid& s : world.solids) classes.insert(s.label);
  }
  CHECK(std::abs(odd / double(count) - 0.05) < 0.015);
  for (int room : rooms) CHECK(std::abs(room / double(count) - 1.0 / scene_rooms) < 0.03);
  for (int id = scenes::table; id < scene_classes; ++id) {
    CAPTURE(scene_class_name(id));
    CHECK(classes.count(id) == 1);
  }
}

TEST_CASE("scenes: the odd object can be seen", "[data][scenes]") {
  int odd = 0, seen = 0;
  for (int i = 0; i < 600; ++i) {
    const scenes::World world = scenes::build_world(3, i);
    if (!world.odd) continue;
    ++odd;
    const int last = static_cast<int>(world.solids.size()) - 1;
    int pixels = 0;
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        const scenes::Ray ray = camera_ray(world.camera, (x + 0.5f) / 32, (y + 0.5f) / 32, 1);
        pixels += nearest(world, ray).solid == last;
      }
    }
    seen += pixels >= 8;
  }
  CHECK(odd > 15);
  CHECK(seen == odd);
}

TEST_CASE("scenes: tasks that do not fit are refused", "[data][scenes]") {
  std::vector<TaskSpec> tasks = all_scene_tasks();
  tasks[0].classes = 40;
  CHECK_THAT(message_of<ConfigError>([&] { ScenesDataset(tasks, 1, 32, 32, 1, 1, 1); }),
             contains_text("'segmentation' (segmentation) has 13 classes, not 40"));
  tasks[0].kind = TaskKind::regression;
  CHECK_THAT(message_of<ConfigError>([&] { ScenesDataset(tasks, 1, 32, 32, 1, 1, 1); }),
             contains_text("no regression label"));
}

TEST_CASE("scenes: pictures and a sheet of them all are written", "[data][scenes]") {
  test::TempFolder folder;
  write_scenes(folder.file("out"), 2, 1, 32, 48);
  const std::vector<uint8_t> sheet = read_file(folder.file("out/sheet.svg"));
  size_t pictures = 0;
  const std::string text(sheet.begin(), sheet.end()), element = "<image ";
  for (size_t at = text.find(element); at != std::string::npos; at = text.find(element, at + 1))
    ++pictures;
  CHECK(pictures == 2 * 6);
  CHECK(picture_info(folder.file("out/scene-0001-depth.png")).height == 32);
}
