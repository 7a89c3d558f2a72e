// The cells of a study as child processes of this program (tests/support/main.cpp says what they do):
// which card each sees, and how much it may keep of decoded samples.
#include "train/cli/study_runner.h"

#include "data/cached.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::TempFolder;

namespace {

constexpr const char* run_text = R"(name = "slim"
[[task]]
name = "depth"
kind = "depth"
[retrain]
steps = 2
)";
constexpr const char* study_text = R"(seeds = [1, 2]
parallel = 2
[[set]]
name = "rooms"
run = "slim.toml"
[[method]]
name = "single"
[[method]]
name = "hard"
)";

/// What each cell was given: lines of its log.
std::vector<std::string> logs_of(const TempFolder& folder, cli::RunnerOptions options) {
  write_file(folder.file("slim.toml"), run_text);
  Study study = parse_study_text(study_text, "s.toml");
  study.out = folder.file("out");
  study.sets[0].run = folder.file("slim.toml");
  const std::vector<StudyCell> cells = study_cells(study);
  CHECK(cli::StudyRunner(study, cells, std::move(options)).run() == std::vector<int>(4, 3));
  std::vector<std::string> logs;
  for (const StudyCell& cell : cells) {
    const auto bytes = read_file(cell.folder + ".log");
    logs.emplace_back(bytes.begin(), bytes.end());
  }
  return logs;
}

}  // namespace

TEST_CASE("study runner: cells side by side see different cards", "[study]") {
  const TempFolder folder;
  const std::vector<std::string> logs = logs_of(folder, {.gpus = {"5", "7"}});
  REQUIRE(logs.size() == 4);
  CHECK_THAT(logs[0], contains_text("CUDA_VISIBLE_DEVICES=5\n"));
  CHECK_THAT(logs[1], contains_text("CUDA_VISIBLE_DEVICES=7\n"));
  for (const std::string& log : logs)
    CHECK((log.find("DEVICES=5\n") == std::string::npos) !=
          (log.find("DEVICES=7\n") == std::string::npos));
}

TEST_CASE("study runner: cells side by side share out what may be kept of samples", "[study]") {
  const TempFolder folder;
  const std::string key = "WEFT_CACHE_MIB=";
  int64_t together = 0;
  const std::vector<std::string> logs = logs_of(folder, {});
  for (size_t i = 0; i < 2; ++i) {
    const size_t at = logs[i].find(key);
    REQUIRE(at != std::string::npos);
    together += std::stoll(logs[i].substr(at + key.size())) << 20;
  }
  CHECK(together > 0);
  CHECK(together <= cli::available_memory() / 2);  // a quarter, of what there was before
}
