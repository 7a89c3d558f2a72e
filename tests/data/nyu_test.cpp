// AdaShare's NYU v2 layout: an index with its parts, a plain folder, decoded and raw normals, void
// pixels. On the real samples the decoded normals agree with those of the depth map.
#include "data/sets/nyu_v2.h"

#include <cmath>
#include <cstdlib>

#include "data/split.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

std::vector<TaskSpec> nyu_tasks() {
  std::vector<TaskSpec> tasks(3);
  tasks[0].name = "seg";
  tasks[0].classes = 40;
  tasks[1].name = "sn";
  tasks[1].kind = TaskKind::normals;
  tasks[2].name = "depth";
  tasks[2].kind = TaskKind::depth;
  return tasks;
}

struct SmallNyu {
  explicit SmallNyu(int count) {
    data.root = folder.path();
    for (const char* name : {"img", "seg", "normal_mask", "depth"}) {
      make_folder(folder.file(name));
    }
    for (int i = 0; i < count; ++i) {
      const auto path = [&](const char* kind, const char* end) {
        return fmt::format("{}/{}/{:04}.{}", folder.path(), kind, i, end);
      };
      write_png(path("img", "png"), Picture(2, 2, 3, 0.5f));
      Picture seg(2, 2, 1), normals(2, 2, 3), depth(2, 2, 1, 2.5f);
      seg.pixels = {0, 39, 255, static_cast<float>(i)};
      normals.pixels = {255, 127, 127, 127, 0, 127, 127, 127, 254, 255, 255, 255};
      depth.pixels[3] = 0;
      write_values_png(path("seg", "png"), seg, 8);
      write_values_png(path("normal_mask", "png"), normals, 8);
      write_npy(path("depth", "npy"), depth);
    }
  }
  TempFolder folder;
  DataSpec data;
};

}  // namespace

TEST_CASE("nyu_v2: a plain folder, decoded", "[data]") {
  SmallNyu small(3);
  const NyuV2 set(small.data, nyu_tasks(), Semantics::sound);
  REQUIRE(set.size() == 3);
  CHECK(set.key(1) == "img/0001.png");
  CHECK(set.split(2) == Split::train);
  const Sample sample = set.load(2);
  const std::vector<float>& seg = sample.labels[0].pixels;
  CHECK((seg[0] == 0 && seg[1] == 39 && std::isnan(seg[2]) && seg[3] == 2));
  const std::vector<float>& n = sample.labels[1].pixels;
  CHECK(n[0] == Catch::Approx(1).margin(0.01));  // red 255: to the right
  CHECK(n[5] == Catch::Approx(1).margin(0.01));  // green 0: towards the viewer
  CHECK(n[7] == Catch::Approx(1).margin(0.01));  // blue 254: up
  CHECK(std::isnan(n[9]));
  CHECK(sample.labels[2].pixels[0] == 2.5f);
  CHECK(std::isnan(sample.labels[2].pixels[3]));
  small.data.split = "all";
  const Parts parts = make_parts(NyuV2(small.data, nyu_tasks(), Semantics::sound));
  CHECK((parts.train.size() == 3 && parts.val.size() == 3 && parts.test.size() == 3));
  CHECK((parts.weights.size() == 2 && parts.policy.size() == 1));
}

TEST_CASE("nyu_v2: compat keeps the raw bytes, in BGR order", "[data]") {
  const SmallNyu small(1);
  const Sample sample = NyuV2(small.data, nyu_tasks(), Semantics::compat).load(0);
  const std::vector<float>& n = sample.labels[1].pixels;
  CHECK(std::isnan(n[0]));  // one byte of 255 is enough
  const float length = std::sqrt(127.0f * 127 * 2);
  CHECK((n[3] == Catch::Approx(127 / length) && n[4] == 0 && n[5] == Catch::Approx(127 / length)));
}

TEST_CASE("nyu_v2: the index and its parts", "[data]") {
  const SmallNyu small(5);
  const auto sample = [](int i) {
    return fmt::format(
        "[\"img/{0:04}.png\", \"seg/{0:04}.png\", \"normal_mask/{0:04}.png\", "
        "\"depth/{0:04}.npy\"]",
        i);
  };
  const std::string index = small.folder.file("nyu_v2_3task.json");
  write_file(index, fmt::format("{{\"train\": [{0}, {1}, {2}, {3}], \"train1\": [{0}, {2}, {3}], "
                                "\"train2\": [{1}], \"test\": [{4}]}}",
                                sample(0), sample(1), sample(2), sample(3), sample(4)));
  const NyuV2 set(small.data, nyu_tasks(), Semantics::sound);
  REQUIRE(set.size() == 5);
  const Parts parts = make_parts(set);
  CHECK((parts.test.size() == 1 && set.key(parts.test[0]) == "img/0004.png"));
  CHECK(parts.val.size() == 1);
  CHECK(parts.train.size() == 3);
  for (int64_t i : parts.policy) CHECK(set.split(i) == Split::policy);
  for (int64_t i : parts.weights) CHECK(set.split(i) == Split::weights);

  const auto error = [&] {
    return message_of<DataError>([&] { NyuV2(small.data, nyu_tasks(), Semantics::sound); });
  };
  // Paths in another order are put in the set's; a file that is there twice is not another's.
  const Sample first = set.load(0);
  write_file(index, R"({"train": [["depth/0000.npy", "img/0000.png", "normal_mask/0000.png",)"
                    R"( "seg/0000.png"]]})");
  const NyuV2 turned(small.data, nyu_tasks(), Semantics::sound);
  CHECK(turned.key(0) == "img/0000.png");
  CHECK(turned.load(0).labels[2].pixels[0] == first.labels[2].pixels[0]);
  CHECK(turned.load(0).labels[0].pixels[1] == 39);
  write_file(index, R"({"train": [["img/0000.png", "depth/0000.npy", "normal_mask/0000.png",)"
                    R"( "depth/0000.npy"]]})");
  CHECK_THAT(error(), contains_text("'train'") && contains_text("each of img, seg, normal, depth"));
  write_file(index, R"({"train": [["d/depth/a.png", "d/depth/b.png", "d/depth/c.png",)"
                    R"( "d/depth/d.npy"]]})");
  CHECK(NyuV2(small.data, nyu_tasks(), Semantics::sound).key(0) == "d/depth/a.png");
  write_file(index, "{\"train\": [[\"a\", \"b\"]]}");
  CHECK_THAT(error(), contains_text(index) && contains_text("list of 4 paths"));
  write_file(index, "{\"trian\": []}");
  CHECK_THAT(error(), contains_text("key 'trian'"));
  write_file(index, "[1, 2");
  CHECK_THAT(error(), contains_text("is no JSON object"));
  DataSpec nowhere;
  nowhere.root = small.folder.file("img");
  CHECK_THAT(message_of<DataError>([&] { NyuV2(nowhere, nyu_tasks(), Semantics::sound); }),
             contains_text("neither nyu_v2_3task.json nor a folder img"));
  std::vector<TaskSpec> tasks = nyu_tasks();
  tasks[0].kind = TaskKind::edges;
  CHECK_THAT(message_of<ConfigError>([&] { NyuV2(small.data, tasks, Semantics::sound); }),
             contains_text("not edges"));
}

TEST_CASE("nyu_v2: the real samples' normals agree with their depth", "[data][real]") {
  const char* root = std::getenv("WEFT_DATA");
  if (!root) WEFT_SKIP("WEFT_DATA not set");
  DataSpec data;
  data.root = join_path(root, "nyu_v2_samples");
  const NyuV2 set(data, nyu_tasks(), Semantics::sound);
  REQUIRE(set.size() == 4);
  for (int64_t i = 0; i < 4; ++i) {
    const Sample sample = set.load(i);
    REQUIRE((sample.image.height == 480 && sample.image.width == 640));
    const Picture &normals = sample.labels[1], &depth = sample.labels[2];
    double cosine = 0;
    int count = 0;
    for (int y = 6; y < 474; y += 4) {
      for (int x = 6; x < 634; x += 4) {
        const float* n = normals.at(y, x);
        if (std::isnan(n[0])) continue;
        const auto point = [&](int py, int px, float* p) {  // NYU's Kinect: focal length 519 pixels
          const float d = *depth.at(py, px);
          p[0] = (px - 325.6f) / 519 * d;
          p[1] = -(py - 253.7f) / 519 * d;
          p[2] = -d;
        };
        float l[3], r[3], u[3], d[3];
        point(y, x - 6, l), point(y, x + 6, r), point(y - 6, x, u), point(y + 6, x, d);
        for (int c = 0; c < 3; ++c) r[c] -= l[c], u[c] -= d[c];
        const float g[3] = {r[1] * u[2] - r[2] * u[1], r[2] * u[0] - r[0] * u[2],
                            r[0] * u[1] - r[1] * u[0]};
        const float length = std::sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2]);
        cosine += (g[0] * n[0] + g[1] * n[1] + g[2] * n[2]) / length;
        ++count;
      }
    }
    CHECK(cosine / count > 0.85);
  }
}
