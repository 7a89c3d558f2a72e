// Curves of a study: of many methods the best are in colour and the others gray, in every picture of a
// set the same ones, and the legend says who ends where.
#include "train/study/curves.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <regex>
#include <set>

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/occurrences.h"
#include "tests/support/temp_folder.h"
#include "train/run_folder/run_record.h"

using namespace weft;
using weft::test::count;
using weft::test::TempFolder;

namespace {

/// The pictures of a study of methods m0, m1 .. on two tasks and two seeds, each evaluated twice; the last
/// loss of method m is last(task, m), on an average over the seeds.
std::vector<std::pair<std::string, std::string>> curves_of(
    size_t methods, const std::function<double(size_t task, size_t method)>& last) {
  const TempFolder folder;
  Study study;
  study.seeds = {1, 2};
  study.sets = {{"rooms", "a.toml", {}}};
  StudyResult result{"rooms", {}};
  std::vector<StudyCell> cells;
  for (size_t m = 0; m < methods; ++m) {
    study.methods.push_back({fmt::format("m{}", m), Sharing::hard, {}, {}});
    result.rows.emplace_back().method = study.methods[m].name;
    for (const int64_t seed : study.seeds) {
      StudyCell cell;
      cell.method = m;
      cell.seed = seed;
      cell.folder = folder.file(fmt::format("{}-{}", m, seed));
      cell.run.tasks.resize(2);
      std::string lines;
      for (size_t k = 0; k < 2; ++k) {
        cell.run.tasks[k].name = k == 0 ? "seg" : "depth";
        for (const int64_t step : {10, 20}) {
          MetricsLine line;
          line.phase = Phase::retrain;
          line.step = step;
          line.split = name_of(cell.run.eval.split);
          line.task = cell.run.tasks[k].name;
          line.loss = last(k, m) * (step == 10 ? 1.5 : 1) * (seed == 1 ? 0.875 : 1.125);
          line.metrics = {{"err", 0.5, false}};
          lines += to_line(line) + "\n";
        }
      }
      make_folder(cell.folder);
      write_file(cell.folder + "/metrics.jsonl", lines);
      write_file(cell.folder + "/summary.json", "{}");  // is there: the cell is finished
      cells.push_back(std::move(cell));
    }
  }
  return study_curves(study, cells, {result});
}

/// Of each method in the legend its colour, and the legend's words in their order.
struct Legend {
  std::map<std::string, std::string> colours;
  std::vector<std::string> words;
};

Legend legend_of(const std::string& svg) {
  Legend out;
  const std::regex entry(
      "<polyline [^>]* stroke=\"(#[0-9a-f]+)\" stroke-width=\"3\"/>\n<text "
      "[^>]*>((m[0-9]+)[^<]*)<");
  for (std::sregex_iterator i(svg.begin(), svg.end(), entry), end; i != end; ++i) {
    out.colours[(*i)[3]] = (*i)[1];
    out.words.push_back((*i)[2]);
  }
  return out;
}

}  // namespace

TEST_CASE("study curves: of a few methods each has a colour and its seeds, in the study's order",
          "[study][pictures]") {
  const auto pictures = curves_of(3, [](size_t, size_t m) { return 3.0 - static_cast<double>(m); });
  REQUIRE(pictures.size() == 2);
  CHECK(pictures[0].first == "rooms-seg");
  CHECK(pictures[1].first == "rooms-depth");
  const Legend legend = legend_of(pictures[0].second);
  CHECK(legend.words == std::vector<std::string>{"m0", "m1", "m2"});
  std::set<std::string> colours;
  for (const auto& [name, colour] : legend.colours) colours.insert(colour);
  CHECK(colours.size() == 3);
  CHECK(count(pictures[0].second, "<title>m2, one seed</title>") == 2);
}

TEST_CASE("study curves: of many methods the first and the best over all tasks are in colour",
          "[study][pictures]") {
  // m25 is the best of both tasks, then m24, ..; m3 is the best of seg and the worst of depth.
  const auto pictures = curves_of(26, [](size_t task, size_t m) {
    if (m == 3) return task == 0 ? 0.5 : 90;
    return 1 + static_cast<double>(25 - m) / 4;
  });
  REQUIRE(pictures.size() == 2);
  const std::set<std::string> best{"m0", "m18", "m19", "m20", "m21", "m22", "m23", "m24", "m25"};
  std::map<std::string, std::string> colours;
  for (const auto& [name, svg] : pictures) {
    INFO(name);
    const Legend legend = legend_of(svg);
    REQUIRE(legend.words.size() == 26);
    CHECK(legend.words[0] == (name == "rooms-seg" ? "m3 0.5" : "m25 1"));
    CHECK(legend.words[1] == (name == "rooms-seg" ? "m25 1" : "m24 1.25"));
    CHECK(legend.words[25] == (name == "rooms-seg" ? "m0 7.25" : "m3 90"));
    std::set<std::string> different;
    for (const auto& [method, colour] : legend.colours) {
      INFO(method);
      different.insert(colour);
      CHECK((colour != legend.colours.at("m1")) == (best.count(method) > 0));
      CHECK(count(svg, "<title>" + method + ", one seed</title>") ==
            (best.count(method) > 0 ? 2 : 0));
      CHECK(count(svg, "<title>" + method + "</title>") == 1);  // gray ones are drawn, too
    }
    CHECK(different.size() == 10);
    CHECK_THAT(svg, contains_text("In colour: the first method and the 8 best over all tasks; "
                                  "gray: means of the others"));
    if (!colours.empty()) CHECK(legend.colours == colours);  // a method's colour is the set's
    colours = legend.colours;
  }
}
