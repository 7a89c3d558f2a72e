// The last k checkpoints: which are there, that a damaged `last` is named and the one before
// offered, that the advised way on ends with the bits of an unbroken run, and what becomes of the
// best checkpoint on the way.
#include "train/run_folder/kept.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/catch.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/run_folder/test_record.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::message_of;
using weft::test::same;
using weft::test::TempFolder;

namespace {

RunFile slim_run(const std::vector<std::string>& overrides = {}) {
  return parse_run_text(R"(
name = "slim"
sharing = "hard"
[model]
width = 0.0625
head = "linear"
[data]
size = [33, 33]
batch = 2
count = 12
val_count = 2
test_count = 2
workers = 0
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[retrain]
steps = 6
[eval]
every = 2
[checkpoint]
every = 1
)",
                        "slim.toml", overrides);
}

struct Run {
  explicit Run(const std::vector<std::string>& overrides = {})
      : file(slim_run(overrides)), data(open_dataset(file)) {}

  /// Trains `steps` steps into a new folder, as a run that is killed then.
  void begin(const std::string& folder, int steps) {
    Trainer trainer(file, *data, &cpu);
    trainer.start(folder);
    for (int i = 0; i < steps; ++i) trainer.step();
  }
  std::vector<Tensor> finish(const std::string& folder, const std::string& from) {
    read_resumable(folder, from);
    Trainer trainer(file, *data, &cpu);
    trainer.resume(folder, from);
    trainer.run();
    return bits_of(trainer);
  }
  std::vector<Tensor> whole() {
    const TempFolder folder;
    Trainer trainer(file, *data, &cpu);
    trainer.start(folder.file("run"));
    trainer.run();
    return bits_of(trainer);
  }

  CpuContext cpu{1};
  RunFile file;
  std::unique_ptr<Dataset> data;
};

int64_t step_of(const std::string& folder, const std::string& name) {
  return read_checkpoint(checkpoint_path(folder, name)).state.total_step;
}

bool there(const std::string& folder, const std::string& name) {
  return std::filesystem::exists(checkpoint_path(folder, name));
}

/// Changes one byte in the middle of the elements.
void damage(const std::string& folder, const std::string& name) {
  std::fstream file(checkpoint_path(folder, name), std::ios::binary | std::ios::in | std::ios::out);
  const auto at =
      static_cast<std::streamoff>(std::filesystem::file_size(checkpoint_path(folder, name)) - 100);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 4);
  file.seekp(at);
  file.put(byte);
}

std::string complaint(const std::string& folder, const std::string& name = "last") {
  return message_of<DataError>([&] { read_resumable(folder, name); });
}

}  // namespace

TEST_CASE("checkpoint.keep of the last checkpoints are there", "[train][checkpoint]") {
  const TempFolder folder;
  const std::vector<std::pair<int, std::vector<int>>> cases{
      {1, {4}}, {2, {4, 3}}, {4, {4, 3, 2, 1}}};
  for (const auto& [keep, steps] : cases) {
    const std::string path = folder.file(fmt::format("keep{}", keep));
    Run(keep == 2 ? std::vector<std::string>{}
                  : std::vector{fmt::format("checkpoint.keep={}", keep)})
        .begin(path, 4);
    for (int age = 0; age < 6; ++age) {
      const std::string name = age == 0 ? "last" : fmt::format("last-{}", age);
      INFO("keep " << keep << ", " << name);
      const bool kept = age < static_cast<int>(steps.size());
      CHECK(there(path, name) == kept);
      if (kept) CHECK(step_of(path, name) == steps[static_cast<size_t>(age)]);
    }
    CHECK_FALSE(std::filesystem::exists(next_checkpoint(path, "last")));
  }
}

TEST_CASE("a damaged last checkpoint is named, the one before is offered, and goes on bitwise",
          "[train][checkpoint][resume]") {
  Run run({"checkpoint.keep=3"});
  const auto expected = run.whole();
  const TempFolder folder;
  // A flipped bit, a file cut off, an empty one, one that is gone.
  for (int kind = 0; kind < 4; ++kind) {
    const std::string path = folder.file(fmt::format("run{}", kind));
    run.begin(path, 4);
    const std::string last = checkpoint_path(path, "last");
    if (kind == 0) damage(path, "last");
    if (kind == 1) std::filesystem::resize_file(last, std::filesystem::file_size(last) / 2);
    if (kind == 2) std::filesystem::resize_file(last, 0);
    if (kind == 3) std::filesystem::remove(last);
    const std::string said = complaint(path);
    CHECK_THAT(said, contains_text(last + ": "));
    CHECK_THAT(said, contains_text(fmt::format("of run step 3: go on from it with: weft train "
                                               "--resume {} --checkpoint last-1",
                                               path)));
    CHECK(same(run.finish(path, "last-1"), expected));
    CHECK(complaint(path).empty());
    CHECK(complaint(path, "last-1").empty());  // nothing that is damaged stays behind
  }
  const std::string path = folder.file("both");
  run.begin(path, 4);
  damage(path, "last");
  damage(path, "last-1");
  CHECK_THAT(complaint(path), contains_text("of run step 2") && contains_text("last-2"));
  CHECK(same(run.finish(path, "last-2"), expected));
  damage(path, "last");
  damage(path, "last-1");
  damage(path, "last-2");
  CHECK_THAT(complaint(path), contains_text("is damaged") && !contains_text("--checkpoint"));
}

TEST_CASE("a kill while checkpoints are moved leaves a whole one under the name last",
          "[train][checkpoint]") {
  Run run;
  const TempFolder folder;
  const std::string path = folder.file("run");
  run.begin(path, 4);
  // The new one is written, nothing is moved yet; then last has both names.
  std::filesystem::copy_file(checkpoint_path(path, "last"), next_checkpoint(path, "last"));
  CHECK(complaint(path).empty());
  std::filesystem::remove(checkpoint_path(path, "last-1"));
  std::filesystem::create_hard_link(checkpoint_path(path, "last"), checkpoint_path(path, "last-1"));
  CHECK(complaint(path).empty());
  const auto expected = run.whole();
  CHECK(same(run.finish(path, "last"), expected));
  for (const auto& entry : std::filesystem::directory_iterator(path + "/checkpoints"))
    CHECK(entry.path().extension() == ".safetensors");
}

TEST_CASE("a run goes on from its last checkpoints alone", "[train][checkpoint]") {
  Run run;
  const TempFolder folder;
  const std::string path = folder.file("run");
  run.begin(path, 4);
  for (const char* name : {"best", "step-6", "last-0", "last-01", "last-x", "last-", "../last"})
    CHECK_THAT(message_of<ConfigError>([&] { read_resumable(path, name); }),
               contains_text("a run goes on from last"));
  CHECK_THAT(complaint(folder.file("none")), contains_text("cannot open"));
}

TEST_CASE("a best checkpoint that is damaged or of another step is not what is tested",
          "[train][checkpoint][resume]") {
  Run run({"eval.every=1"});
  const auto expected = run.whole();
  const TempFolder folder;
  for (int kind = 0; kind < 3; ++kind) {
    const std::string path = folder.file(fmt::format("run{}", kind));
    run.begin(path, 3);
    const std::string best = checkpoint_path(path, "best");
    if (kind == 0) damage(path, "best");
    if (kind == 1) std::filesystem::remove(best);
    if (kind == 2) {  // of a later step than the checkpoint that is gone on from knows of
      run.begin(folder.file("longer"), 5);
      std::filesystem::copy_file(checkpoint_path(folder.file("longer"), "best"), best,
                                 std::filesystem::copy_options::overwrite_existing);
    }
    Trainer trainer(run.file, *run.data, &run.cpu);
    trainer.resume(path);
    trainer.run();
    REQUIRE(trainer.state().best_step > 0);
    CHECK(step_of(path, "best") == trainer.state().best_step);
  }
}

TEST_CASE("a run whose end fails after its only step leaves no folder behind", "[record]") {
  const TempFolder folder;
  RunFolder run = RunFolder::create(folder.file("run"), "");
  write_test_record(folder.file("run"), {});
  REQUIRE(std::filesystem::exists(folder.file("run") + "/test.json"));
  run.discard();
  CHECK_FALSE(std::filesystem::exists(folder.file("run")));
}
