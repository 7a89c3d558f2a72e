// The lines of a run folder, its measurements and its summary: read as written, and a flipped bit
// is refused by name or changes nothing (white space, or the seconds that lie beside the seal).
#include "train/run_folder/run_record.h"

#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io/json_text.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_folder/summary.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

const std::vector<std::string> tasks{"seg", "depth"};

MetricsLine metrics_line() {
  return {
      Phase::retrain, 120, 3, "val", "seg", 0.53125, {{"miou", 41.7, true}, {"err", 0.5, false}},
      17.25,          0};
}

SearchLine search_line() { return {4, 90, 4.3, 2, {{0.25, 0.5}, {1, 0}}, 0.75}; }

RunSummary summary() {
  RunSummary s;
  s.name = "slim-hard";
  s.sharing = Sharing::hard;
  s.device = DeviceKind::cpu;
  s.steps = 120;
  s.best_step = 100;
  s.tasks = tasks;
  s.results = {{"seg", 0.5, {{"miou", 41.7, true}}}};
  return s;
}

/// Flips every bit of `text` in turn, in the file at `path`; `read` gives what was read, as text.
/// The last byte ends a line: without it the line counts as half written, as after a kill, and a
/// resume says that it lacks.
void flip_every_bit(const std::string& path, const std::string& text,
                    const std::function<std::string()>& read) {
  write_file(path, text);
  const std::string whole = read();
  int refused = 0;
  for (size_t bit = 0; bit < 8 * (text.size() - 1); ++bit) {
    std::string changed = text;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    std::ofstream(path, std::ios::binary) << changed;
    std::string now;
    try {
      now = read();
    } catch (const DataError& e) {
      REQUIRE(std::string(e.what()).rfind(path, 0) == 0);
      ++refused;
      continue;
    }
    INFO("byte " << bit / 8 << ", bit " << bit % 8);
    REQUIRE(now == whole);
  }
  CHECK(refused > static_cast<int>(4 * text.size()));
}

}  // namespace

TEST_CASE("a flipped bit in metrics.jsonl is refused, or harmless", "[train][record]") {
  const TempFolder folder;
  const std::string path = folder.file("metrics.jsonl");
  const std::string text = to_line(metrics_line()) + "\n" + to_line(metrics_line()) + "\n";
  flip_every_bit(path, text, [&] {
    std::string out;
    for (MetricsLine line : read_metrics(path)) {
      line.seconds = 0;  // what differs from run to run is not sealed
      out += to_line(line) + "\n";
    }
    return out;
  });
}

TEST_CASE("a flipped bit in search.jsonl, measured.json or summary.json is refused, or harmless",
          "[train][record]") {
  const TempFolder folder;
  const std::string search = folder.file("search.jsonl");
  flip_every_bit(search,
                 to_line(search_line(), tasks) + "\n" + to_line(search_line(), tasks) + "\n", [&] {
                   std::string out;
                   for (const SearchLine& line : read_search(search, tasks))
                     out += to_line(line, tasks) + "\n";
                   return out;
                 });
  flip_every_bit(folder.file("measured.json"), to_text({{1, 2.5, 3, 0}, 0.25, 4096}),
                 [&] { return to_text(read_measured(folder.path())); });
  write_summary(folder.path(), summary());
  const std::string path = folder.file("summary.json");
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const TempFolder again;
  flip_every_bit(path, text, [&] {
    write_summary(again.path(), read_summary(folder.path()));
    std::ifstream out(again.file("summary.json"));
    return std::string{std::istreambuf_iterator<char>(out), {}};
  });
}

TEST_CASE("lines are read as strictly as a run file", "[train][record]") {
  const TempFolder folder;
  const std::string path = folder.file("metrics.jsonl");
  const auto complaint = [&](const std::string& line) {
    write_file(path, line + "\n");
    return message_of<DataError>([&] { read_metrics(path); });
  };
  // An older weft's line, without a seal.
  const std::string old = R"({"phase":"retrain","step":7,"epoch":0,"split":"val","task":"seg",)"
                          R"("loss":0.5,"metrics":{"miou":null},"seconds":1.5})";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = old;
    return complaint(changed.replace(changed.find(from), from.size(), to));
  };
  CHECK(complaint(old).empty());
  CHECK_THAT(with("\"step\":7", "\"step\":-7"), contains_text(path + ":1: 'step': is -7"));
  CHECK_THAT(with("\"step\":7", "\"step\":7.0"), contains_text("is 7.0; it is a whole number"));
  CHECK_THAT(with("\"step\":7", "\"step\":true"), contains_text("is true; it is a whole number"));
  CHECK_THAT(with("\"step\":7", "\"step\":7,\"step\":8"), contains_text("'step' is there twice"));
  CHECK_THAT(with("\"step\":7", "\"steps\":7"), contains_text("there is no key 'steps'"));
  CHECK_THAT(with("retrain", "retrial"), contains_text("unknown phase 'retrial'"));
  CHECK_THAT(with("0.5", "\"half\""), contains_text("it is a number or null"));
  CHECK_THAT(with("0.5", "true"), contains_text("it is a number or null"));
  CHECK_THAT(with("{\"miou\":null}", "[]"), contains_text("'metrics': is no object"));
  CHECK_THAT(with("\"seconds\":1.5", "\"seconds\":1e999"), contains_text("no JSON"));
}
