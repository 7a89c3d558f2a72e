// Mutated run files and overrides: each is read, or refused by a one-line UserError that says
// where; what was read prints to a text that reads back the same.
#include "engine/error.h"
#include "tests/fuzz/mutate.h"
#include "tests/support/catch.h"
#include "tests/support/sanitized.h"
#include "train/run_file/run_file.h"

using namespace weft;

namespace {

std::string seed_text() {
  return print_run_file(parse_run_text(R"([data]
size = [64, 96]
augment = {scale = [0.5, 1.5], flip = true, crop = [48, 48], contrast = 0.3}
[[task]]
name = "seg"
kind = "segmentation"
classes = 3
map = {0 = 0, 7 = 1}
ignore = 255
class_weights = [1, 0.5, 2]
[[task]]
kind = "depth"
)",
                                       "seed.toml"));
}

/// True where it was read; a complaint must be one line that names the source.
bool reads(const std::string& text, const std::vector<std::string>& overrides) {
  RunFile run;
  try {
    run = parse_run_text(text, "fuzz.toml", overrides);
  } catch (const ConfigError& error) {
    const std::string message = error.what();
    INFO(message);
    CHECK((message.rfind("fuzz.toml", 0) == 0 || message.rfind("command line: ", 0) == 0));
    return false;
  }
  const std::string printed = print_run_file(run);
  CHECK(print_run_file(parse_run_text(printed, "again.toml")) == printed);
  return true;
}

}  // namespace

TEST_CASE("fuzz: mutated run files are read or refused", "[fuzz]") {
  const std::string text = seed_text();
  int read = 0;
  for (uint32_t step = 0; step < test::cases<uint32_t>(2000, 200); ++step) {
    INFO("step " << step);
    read += reads(test::mutate(text, 1, step), {});
  }
  CHECK(read > test::cases(20, 2));
}

TEST_CASE("fuzz: run files cut off at every byte", "[fuzz]") {
  const std::string text = seed_text();
  for (size_t size = 0; size < text.size(); size += test::cases<size_t>(3, 31)) {
    INFO("size " << size);
    reads(text.substr(0, size), {});
  }
}

TEST_CASE("fuzz: mutated overrides", "[fuzz]") {
  const std::string text = seed_text();
  const char* const overrides[] = {"policy.sharing=0.1", "task.seg.weight=2", "data.size=[96, 128]",
                                   "warmup.optimizer={kind=\"sgd\", lr=0.1}"};
  for (uint32_t step = 0; step < test::cases<uint32_t>(1200, 120); ++step) {
    INFO("step " << step);
    reads(text, {test::mutate(overrides[step % 4], 2, step)});
  }
}
