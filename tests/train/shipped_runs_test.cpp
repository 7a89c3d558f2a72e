// Every run file that weft ships, in runs/, reads without complaint and keeps its name.
#include <filesystem>

#include "tests/support/catch.h"
#include "train/run_file.h"

using namespace weft;

TEST_CASE("every shipped run file is sound", "[run_file]") {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(WEFT_SOURCE_DIR "/runs")) {
    if (entry.path().extension() != ".toml") continue;
    const RunFile run = parse_run_file(entry.path().string());
    CHECK(run.name == entry.path().stem().string());
    ++count;
  }
  CHECK(count >= 8);
}
