// Markdown to HTML, and pictures that live in one page.
#include "train/report/page.h"

#include <fmt/format.h>

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/occurrences.h"
#include "tests/support/temp_folder.h"
#include "train/pictures/plot.h"
#include "train/report/cost_parts.h"
#include "train/report/policy_way.h"
#include "train/report/report.h"
#include "train/report/row_parts.h"
#include "train/report/run_curves.h"
#include "train/report/run_parts.h"
#include "train/report/test_parts.h"

using namespace weft;
using weft::test::count;
using weft::test::TempFolder;

namespace {

bool has(const std::string& text, const std::string& what) { return count(text, what) > 0; }

MetricsLine line(Phase phase, int64_t step, const char* task, double loss, bool evaluated) {
  MetricsLine out;
  out.phase = phase;
  out.step = step;
  out.task = task;
  out.loss = loss;
  out.split = evaluated ? "val" : "train";
  if (evaluated) out.metrics.push_back({"miou", 12.5, true});
  return out;
}

}  // namespace

TEST_CASE("report: Markdown becomes HTML that says the same") {
  CHECK(html_of_markdown("# a & b\n\ntext of\ntwo lines\n") ==
        "<h3>a &amp; b</h3>\n<p>text of\ntwo lines</p>\n");
  CHECK(html_of_markdown(
            "| m | x |\n|---|--:|\n| one | **1 < 2** |\n| \\|dp\\| | `--out` |\nafter") ==
        "<div class=wide><table><thead><tr><th>m</th><th>x</th></tr>\n</thead><tbody>\n"
        "<tr><td>one</td><td><strong>1 &lt; 2</strong></td></tr>\n"
        "<tr><td>|dp|</td><td><code>--out</code></td></tr>\n"
        "</tbody></table></div>\n<p>after</p>\n");
  // A mark without its fellow is a character.
  CHECK(html_of_markdown("2 ** 3 and `x") == "<p>2 ** 3 and `x</p>\n");
  CHECK(html_of_markdown("").empty());
}

TEST_CASE("report: a cell's words are no Markdown, and one line", "[report]") {
  CHECK(plain_cell("a|b*c`d\\e\nf\x01g ä") == "a?b?c?d?e?f?g ä");
}

TEST_CASE("report: small numbers are told, and that a confusion was not kept", "[report]") {
  DataSummary data;
  data.kind = "tabular";
  LabelSummary label;
  label.task = "t";
  label.histogram = {1, 1};
  label.least = 1e-12;
  label.mean = 2.5e-12;
  label.most = 3e-12;
  data.tasks.push_back(label);
  Page page("p");
  data_parts(page, data);
  CHECK(has(page.str(), "<td>2.5e-12</td><td>1e-12 to 3e-12</td>"));
  TaskDetail many;
  many.task = "t";
  many.classes.resize(most_confused + 1);
  many.labels = 3;
  const char* said = "t: who is taken for whom is not kept of 201 classes, but of at most 200.";
  test_parts(page, {many});
  CHECK(has(page.str(), said));
}

TEST_CASE("report: two pictures of a page never share an id, and names cannot break out of it") {
  Plot plot;
  plot.title = "</script><b>";
  plot.lines = {{{{0, 0}, {1, 1}}, {}, 1, 1, "<i>", true}};
  Page page("a <b> & c");
  page.section("<u>");
  page.picture(draw_plot(plot));
  page.picture(draw_plot(plot));
  page.listing("x < y\nz");
  const std::string html = page.str();
  CHECK(count(html, "id=\"clip1_0\"") == 1);
  CHECK(count(html, "id=\"clip2_0\"") == 1);
  CHECK(count(html, "url(#clip2_0)") == 1);
  for (const char* tag : {"<b>", "<i>", "<u>"}) CHECK_FALSE(has(html, tag));
  CHECK(has(html, "<a href=\"#s1\">&lt;u&gt;</a>"));
  CHECK(has(html, "x &lt; y\nz</pre>"));
  CHECK(count(html, "<script>") == 1);
  CHECK_FALSE(has(html, "http://www.w3.org/1999"));
  CHECK_FALSE(has(html, "src="));  // nothing from elsewhere
}

TEST_CASE("report: a study's page names the curves and policies that it has no room for",
          "[report][study]") {
  Study study;
  study.name = "s";
  StudyFound found;
  found.tables = "# s\n\nwords\n";
  const auto svg = [](size_t bytes) { return "<svg " + std::string(bytes, ' ') + "></svg>\n"; };
  found.curves = {{"rooms-seg", svg(1'400'000)},
                  {"rooms-depth", svg(1'400'000)},
                  {"rooms-edges", svg(1'400'000)},
                  {"rooms-normals", svg(100)}};
  found.policies = {{"rooms-ada-1", svg(100)}, {"rooms-ada-2", svg(400'000)}};
  const StudyPage page = study_report(study, found, {}, "");
  CHECK(page.html.size() < 3'000'000);
  CHECK(page.curves_left_out == std::vector<std::string>{"rooms-edges"});
  CHECK(page.policies_left_out == std::vector<std::string>{"rooms-ada-2"});
  CHECK(
      has(page.html,
          "<p>1 of 4 curves are left out, as the page would be larger than 3 MB: rooms-edges. Each "
          "is a file of its own in the study's folder, curves/NAME.svg; where it is not, weft "
          "study STUDY --table writes it.</p>"));
  CHECK(has(page.html, "<p>1 of 2 policies are left out, "));
  CHECK(count(page.html, "<details>") == 1);  // none that opens on nothing
  CHECK(
      left_out_text(page, "runs/out/s") ==
      "left out of the page, as it would be larger than 3 MB: curves rooms-edges; they are files "
      "of their own in runs/out/s/curves/, which weft study STUDY --table writes\n"
      "left out of the page, as it would be larger than 3 MB: policies rooms-ada-2; they are files "
      "of their own in runs/out/s/policies/, which weft study STUDY --table writes\n");
  found.curves.resize(2);
  found.policies.resize(1);
  const StudyPage whole = study_report(study, found, {}, "");
  CHECK_FALSE(has(whole.html, "left out"));
  CHECK(left_out_text(whole, "s").empty());
}

TEST_CASE("report: pictures beyond what a page may weigh are left out and counted", "[report]") {
  const std::string svg = "<svg " + std::string(1000, ' ') + "></svg>\n";
  Page page("p");
  page.allow(2500);
  CHECK(page.picture(svg));
  CHECK(page.picture(svg));
  CHECK_FALSE(page.picture(svg));
  CHECK_FALSE(page.picture(svg));
  CHECK(count(page.str(), "<svg ") == 2);
  CHECK(page.take_left_out() == 2);
  CHECK(page.take_left_out() == 0);
  say_left_out(page, "; they are elsewhere");
  CHECK_FALSE(has(page.str(), "left out"));
  page.picture(svg);
  say_left_out(page, "; they are elsewhere");
  CHECK(has(page.str(),
            "1 picture(s) of this part are left out, as the page would be larger than "
            "3 MB; they are elsewhere"));
}

TEST_CASE("report: what a task costs stands beside all tasks and the full network", "[report]") {
  Page page("p");
  ReportedRun run{"r"};
  run.tasks = {{"a", {500'000, 1'000'000'000}}, {"b", {1'000'000, 2'000'000'000}}};
  run.together = {1'250'000, 2'500'000'000};
  run.full = {2'000'000, 4'000'000'000};
  cost_parts(page, run);
  CHECK(has(page.str(), "<td>a alone</td><td>0.5</td><td>25.0</td><td>2</td><td>25.0</td>"));
  CHECK(has(page.str(), "<td>all together</td><td>1.25</td><td>62.5</td><td>5</td>"));
  ReportedRun unknown{"r"};
  unknown.no_costs = "texts have none";
  cost_parts(page, unknown);
  CHECK(has(page.str(), "FLOPs of each task are not known: texts have none"));
}

TEST_CASE("report: routes of the test images are told where there were any", "[report]") {
  ReadRun run;
  run.run.sharing = Sharing::input_routing;
  run.summary.emplace();
  run.summary->sharing = Sharing::input_routing;
  run.summary->together = 1;  // as an older weft wrote it
  CHECK_FALSE(has_part(run, RunPart::policy));
  run.summary->results = {{"seg", 0.5, {}}};
  CHECK(has_part(run, RunPart::policy));
  Page page("p");
  RunParts(page, true).put(run, RunPart::policy, "1");
  CHECK(has(page.str(), "Routes of the test images: collapsed: all images take one path."));
}

TEST_CASE("report: rows of a table keep their labels and predictions, however wide", "[report]") {
  const TempFolder folder;
  std::string text;
  for (int i = 0; i < 14; ++i) text += fmt::format("c{},", i);
  text += "y,predicted.task,predicted\n";
  for (int r = 0; r < 30; ++r) text += std::string(13, ',') + fmt::format("x{},{},y,9\n", r, r);
  text += fmt::format("\"{}\",,,,,,,,,,,,,,1,y,2\n", std::string(70, '|'));
  write_file(folder.file("rows.csv"), text);
  RunFile run;
  run.tasks.resize(1);
  run.tasks[0].name = "y";
  Page page("p");
  row_parts(page, run, folder.file("rows.csv"));
  CHECK(has(page.str(), "<th>c9</th><th>y</th><th>predicted.task</th><th>predicted</th>"));
  CHECK_FALSE(has(page.str(), "<th>c10</th>"));
  CHECK(count(page.str(), "<tr><td>") == 24);
  CHECK(has(page.str(), "The rest is in " + folder.file("rows.csv")));
}

TEST_CASE("report: a set of classes has a row a class", "[report]") {
  TaskDetail set;
  set.task = "tags";
  set.classes = {"tall", "wide"};
  set.labels = 10;
  set.each = {{4, 5, 3}, {0, 0, 0}};
  set.calibration.resize(calibration_bins);
  set.calibration[14] = {20, 18, 19.6};
  Page page("p");
  test_parts(page, {set});
  CHECK(has(page.str(),
            "<td>tall</td><td>4</td><td>5</td><td>50.00</td><td>60.00</td><td>75.00</td>"
            "<td>66.67</td>"));
  CHECK(
      has(page.str(), "<td>wide</td><td>0</td><td>0</td><td>-</td><td>-</td><td>-</td><td>-</td>"));
  CHECK(has(page.str(), "<td>10</td><td>8.00</td>"));  // |18 - 19.6| / 20
  CHECK(has(page.str(), "tags: how sure, how right"));
  CHECK_FALSE(has(page.str(), "who is taken for whom"));
}

TEST_CASE("report: curves have a picture a task, and dots that say what was evaluated") {
  std::vector<MetricsLine> lines;
  for (int64_t step = 1; step <= 400; ++step)
    for (const char* task : {"seg", "depth"})
      lines.push_back(line(step <= 200 ? Phase::warmup : Phase::retrain, step, task,
                           1.0 / static_cast<double>(step), false));
  lines.push_back(line(Phase::retrain, 400, "seg", 0.25, true));
  lines.push_back(line(Phase::infer, 400, "seg", 9.0, true));  // the final test is no point
  const auto pictures = run_curves({{"one", lines}, {"two", lines}});
  REQUIRE(pictures.size() == 2);
  CHECK(pictures[0].first == "seg");
  CHECK(has(pictures[0].second, "one, step 400: 0.25"));
  CHECK_FALSE(has(pictures[0].second, ": 9"));
  // Two runs, each broken where re-training begins, and each one's evaluation.
  CHECK(count(pictures[0].second, "training</title>") == 4);
  CHECK_FALSE(has(pictures[1].second, "<rect rx"));
  // 400 steps are drawn as means of neighbours.
  const std::string& svg = pictures[1].second;
  const size_t from = svg.find("points=", svg.find("<g clip"));
  const std::string points = svg.substr(from, svg.find(" fill", from) - from);
  CHECK(count(points, ",") <= 100);
  CHECK(run_curves({}).empty());
}

TEST_CASE("report: the slider's table shows the last epoch, and has every one") {
  SearchLine first, last;
  first.probability = {{0.5, 0.25}};
  last.epoch = 3;
  last.step = 40;
  last.temperature = 1.5;
  last.active = 2;
  last.probability = {{0.9, 0.1}};
  const std::string html = policy_way("w", {"a<b"}, {"l0", "l1"}, {first, last});
  CHECK(has(html, "data-way=\"[[[50,25]],[[90,10]]]\""));
  CHECK(
      has(html,
          "<td class=\"p dark\" style=\"--p:90\">90</td><td class=\"p\" style=\"--p:10\">10</td>"));
  CHECK(has(html, "epoch 3, step 40, 2 block(s) learned, temperature 1.5"));
  CHECK(has(html, "a&lt;b"));
  last.together = 0.625;
  const std::string routes = policy_way("w", {"a"}, {"l0", "l1"}, {last}, "p", true);
  CHECK(
      has(routes, "temperature 1.5, two tasks take the same function block at 62 % of the places"));
  CHECK(has(routes, "p in percent; pale: undecided, dark: decided"));
  CHECK(policy_way("w", {"a"}, {"l"}, {}).empty());
}

TEST_CASE("plots: a range settles on what comes after the fall of the first steps") {
  std::vector<double> losses{1000, 500};
  for (int i = 0; i < 100; ++i) losses.push_back(1);
  losses.push_back(std::numeric_limits<double>::quiet_NaN());
  const auto range = settled_range(losses, 1.5);
  CHECK(range[0] < 1);
  CHECK(range[1] > 1.5);
  CHECK(range[1] < 2);
  CHECK(settled_range({}, 0) == std::array<double, 2>{0, 1});
}
