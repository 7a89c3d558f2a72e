// A run can be stopped anywhere: between two steps, while it evaluates, while it draws its policy,
// before it tests. It answers before the next batch, with a checkpoint, and goes on from there to
// the bits of a run that nobody stopped.
#include "train/step/stop.h"

#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/run_bits.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/run_folder/checkpoint.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::same;
using weft::test::TempFolder;

namespace {

/// A table that grows out of the row's number, and a signal when the n-th row is asked for.
class Rows final : public Dataset {
 public:
  int64_t size() const override { return 36; }
  Sample load(int64_t index) const override {
    if (left > 0 && --left == 0) std::raise(signal);
    Sample sample;
    sample.image = Picture(1, 1, 3);
    for (int i = 0; i < 3; ++i)
      sample.image.pixels[i] = static_cast<float>((index * (5 + 2 * i)) % 11) / 11;
    sample.labels = {scalar_picture(static_cast<float>(index % 2)),
                     scalar_picture(static_cast<float>(index % 7))};
    return sample;
  }
  std::string key(int64_t index) const override { return std::to_string(index); }
  Split split(int64_t index) const override {
    return index < 20 ? Split::train : index < 28 ? Split::val : Split::test;
  }

  mutable int64_t left = 0;  ///< 0: nothing happens
  int signal = SIGTERM;
};

RunFile rows_run() {
  return parse_run_text(R"(
name = "rows"
[model]
trunk = "mlp"
hidden = 6
blocks = 2
in_channels = 3
[data]
kind = "tabular"
root = "."
batch = 4
workers = 0
normalize = "none"
[[task]]
name = "yes"
kind = "binary"
[[task]]
name = "much"
kind = "regression"
[warmup]
steps = 2
[policy]
steps = 6
weight_steps = 2
logit_steps = 1
curriculum_speed = 1
draws = 2
from = "best"
[retrain]
steps = 3
[eval]
every = 2
[checkpoint]
every = 3
)",
                        "rows.toml");
}

std::string read_text_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The lines of a .jsonl file without their times.
std::string record(const std::string& path) {
  std::ifstream in(path);
  std::string all;
  for (std::string line; std::getline(in, line); all += line + "\n")
    if (const size_t at = line.find(",\"seconds\":"); at != std::string::npos)
      line.erase(at, line.find_first_of(",}", at + 1) - at);
  return all;
}

}  // namespace

TEST_CASE("a signal at any sample of a run stops it at once, and it goes on to the same bits",
          "[train][resume][stop]") {
  const RunFile run = rows_run();
  CpuContext cpu(1);
  TempFolder folder;
  Rows rows;
  constexpr int64_t far = 1 << 20;
  Trainer whole(run, rows, &cpu);
  whole.start(folder.file("whole"));
  rows.left = far;
  whole.run();
  const int64_t loads = far - rows.left;
  CHECK(loads > 100);
  int evaluating = 0, choice = 0;
  for (int64_t at = 1; at <= loads; at += at % 4 == 0 ? test::cases(4, 28) : 1) {
    INFO("stopped at sample " << at);
    const std::string path = folder.file(fmt::format("stopped{}", at));
    {
      Trainer first(run, rows, &cpu);
      rows.left = 0;
      first.start(path);
      rows.left = at;
      try {
        first.run();
      } catch (const Stopped& stopped) {
        CHECK(stopped.signal == SIGTERM);
        CHECK(rows.left == 0);
      }
    }
    rows.left = 0;
    Trainer second(run, rows, &cpu, nullptr, Trainer::Begin::resumed);
    second.resume(path);
    const Due due = read_checkpoint(path + "/checkpoints/last.safetensors").state.due;
    evaluating += due == Due::evaluation ? 1 : 0;
    choice += due == Due::next_stage ? 1 : 0;
    second.run();
    CHECK(same(bits_of(second), bits_of(whole)));
    CHECK(second.state() == whole.state());
    for (const char* file : {"metrics.jsonl", "policy/search.jsonl", "policy/drawn.json"})
      CHECK(record(path + "/" + file) == record(folder.file("whole") + "/" + file));
    for (const char* name : {"last", "best", "step-2", "step-8", "step-11"}) {
      const std::string file = std::string("/checkpoints/") + name + ".safetensors";
      CHECK(read_text_file(path + file) == read_text_file(folder.file("whole") + file));
    }
  }
  if (test::sanitized) return;  // which look at too few samples for that
  CHECK(evaluating > 3);
  CHECK(choice > 1);
}

TEST_CASE("a hangup stops a run as SIGTERM does; ignored, it stays ignored", "[train][stop]") {
  {
    const StopSignals signals;
    std::raise(SIGHUP);
    CHECK(stop_signal() == SIGHUP);
    CHECK_THROWS_AS(throw_if_stopped(), Stopped);
  }
  CHECK(stop_signal() == 0);
  auto* const before = std::signal(SIGHUP, SIG_IGN);
  {
    const StopSignals signals;
    std::raise(SIGHUP);
    CHECK(stop_signal() == 0);
  }
  CHECK(std::signal(SIGHUP, before) == SIG_IGN);
}
