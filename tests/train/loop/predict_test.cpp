// weft predict: maps at the photograph's own size, gray and colour in the network's channels, and
// outputs that are written over neither each other nor their inputs.
#include "train/loop/predict.h"

#include <sys/stat.h>
#include <unistd.h>

#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

RunFile small_run(int channels) {
  return parse_run_text(fmt::format(R"(
name = "p"
sharing = "hard"
[model]
trunk = "resnet18"
width = 0.0625
head_width = 8
in_channels = {}
[data]
kind = "scenes"
size = [32, 40]
[[task]]
name = "seg"
kind = "segmentation"
classes = 3
[[task]]
name = "n"
kind = "normals"
[[task]]
name = "flag"
kind = "binary"
[retrain]
steps = 1
)",
                                    channels),
                        "p.toml");
}

TaskSpec dense(const std::string& name) {
  TaskSpec task;
  task.name = name;
  task.kind = TaskKind::depth;
  return task;
}

std::string refusal(const std::vector<std::string>& pictures, const std::string& folder,
                    const std::vector<TaskSpec>& tasks = {dense("d"), dense("b-d")}) {
  return message_of<ConfigError>([&] { prediction_stems(pictures, tasks, folder); });
}

}  // namespace

TEST_CASE("predict: maps are of the photograph's size, in whatever channels it comes",
          "[predict]") {
  CpuContext cpu(1);
  for (const int network : {1, 3}) {
    const RunFile run = small_run(network);
    const auto model = make_model(&cpu, run);
    std::vector<Picture> first;
    for (const int channels : {1, 3}) {
      CAPTURE(network, channels);
      const Picture photograph(50, 71, channels, 0.25f);
      const auto made = predict(&cpu, *model, run, nullptr, photograph);
      REQUIRE(made.size() == 3);
      std::vector<Picture> maps;
      for (const Prediction& prediction : made) maps.push_back(prediction.label);
      CHECK(made[0].probabilities.empty());
      REQUIRE(made[2].probabilities.size() == 2);
      CHECK(made[2].probabilities[0] + made[2].probabilities[1] == Catch::Approx(1));
      for (int k : {0, 1}) CHECK((maps[k].height == 50 && maps[k].width == 71));
      CHECK((maps[0].channels == 1 && maps[1].channels == 3));
      CHECK((maps[2].height == 1 && maps[2].width == 1));
      for (const float id : maps[0].pixels) CHECK((id == 0 || id == 1 || id == 2));
      const float* n = maps[1].at(25, 30);
      CHECK(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] == Catch::Approx(1));
      if (channels == 1) first = maps;
      // A gray picture is the same seen as gray or as a colour.
      CHECK(n[0] == Catch::Approx(first[1].at(25, 30)[0]).margin(1e-3));
    }
    CHECK_THAT(
        message_of<ConfigError>([&] { predict(&cpu, *model, run, nullptr, Picture(8, 8, 2)); }),
        contains_text("a photograph has 2"));
  }
}

TEST_CASE("predict: no output is written over another, nor over an input", "[predict]") {
  const TempFolder folder;
  make_folder(folder.file("a"));
  const std::string a = folder.file("a"), out = folder.file("out");
  CHECK(prediction_stems({"x/one.png", "y/two.jpg"}, {dense("d")}, out) ==
        std::vector<std::string>{out + "/one", out + "/two"});
  // Of one stem: told apart by endings, and then by folders, as far as it takes.
  CHECK(prediction_stems({"a/img.png", "b/img.png", "b/two.png"}, {dense("d")}, out) ==
        std::vector<std::string>{out + "/a-img-png", out + "/b-img-png", out + "/two"});
  CHECK(prediction_stems({"img.png", "img.jpg"}, {dense("d")}, out) ==
        std::vector<std::string>{out + "/img-png", out + "/img-jpg"});
  CHECK(prediction_stems({"x/a/i.png", "y/a/i.png", "y/a/i.jpg"}, {dense("d")}, out) ==
        std::vector<std::string>{out + "/x-a-i-png", out + "/y-a-i-png", out + "/i-jpg"});
  CHECK_THAT(refusal({"img.png", "./img.png"}, out), contains_text("would both be written"));
  CHECK_THAT(refusal({"x.png", "x-b.png"}, out), contains_text("x-b-d.png"));  // x of b-d
  for (const std::string& other : {a, a + "/.", folder.path() + "/./a"})
    CHECK_THAT(refusal({a + "/p.png", a + "/p-d.png"}, other), contains_text("written over"));
  REQUIRE(::symlink(a.c_str(), folder.file("link").c_str()) == 0);
  CHECK_THAT(refusal({a + "/p.png", a + "/p-d.npy"}, folder.file("link")),
             contains_text("written over"));
  // What is printed is written nowhere.
  TaskSpec flag = dense("flag");
  flag.kind = TaskKind::binary;
  CHECK(refusal({"a/img.png", "./a/img.png"}, out, {flag}).empty());
}

TEST_CASE("predict: a folder stands for the pictures in it", "[predict]") {
  const TempFolder folder;
  make_folder(folder.file("in/deep"));
  make_folder(folder.file("empty"));
  for (const char* name : {"in/b.JPG", "in/a.png", "in/deep/c.npy", "in/notes.txt"})
    write_file(folder.file(name), "");
  CHECK(pictures_in({folder.file("in"), "one.png"}) ==
        std::vector<std::string>{folder.file("in/a.png"), folder.file("in/b.JPG"),
                                 folder.file("in/deep/c.npy"), "one.png"});
  REQUIRE(::symlink("loop.png", folder.file("in/loop.png").c_str()) == 0);
  CHECK(pictures_in({folder.file("in")}).size() == 3);
  CHECK(message_of<DataError>([&] { pictures_in({folder.file("empty")}); }) ==
        folder.file("empty") + ": holds no PNG, JPEG or npy files to predict");
}
