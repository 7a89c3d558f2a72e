// A study's policies: tables of tasks x blocks and pairs of tasks, on policies made by hand.
#include "train/study/policies.h"

#include "tests/support/catch.h"
#include "train/study/run_table.h"

using namespace weft;

namespace {

RunSummary run_of(int64_t seed, std::vector<std::vector<int>> policy,
                  std::vector<std::vector<double>> probability) {
  RunSummary run;
  run.sharing = Sharing::adashare;
  run.seed = seed;
  run.tasks = {"seg", "depth"};
  run.blocks = {"layer1.0", "layer2.0", "layer3.0", "layer4.0"};
  run.policy = std::move(policy);
  run.probability = std::move(probability);
  return run;
}

StudyResult result_of(std::vector<RunSummary> runs) {
  StudyResult result{"rooms", {{}, {}}};
  result.rows[0].method = "hard";
  result.rows[0].runs = {RunSummary{}};
  result.rows[1].method = "learned";
  result.rows[1].runs = std::move(runs);
  return result;
}

}  // namespace

TEST_CASE("policies: likeness of two tasks beside what chance gives", "[study]") {
  const RunSummary run =
      run_of(1, {{1, 1, 1, 0}, {1, 0, 1, 0}}, {{0.9, 0.8, 0.6, 0.2}, {0.9, 0.4, 0.7, 0.1}});
  const PolicyLikeness alike = policy_likeness(run, 0, 1);
  CHECK(alike.same == Catch::Approx(0.75));
  CHECK(alike.by_chance == Catch::Approx(0.75 * 0.5 + 0.25 * 0.5));
  CHECK(alike.distance == Catch::Approx((0 + 0.4 + 0.1 + 0.1) / 4));
  CHECK(policy_likeness(run, 1, 0).same == alike.same);
  CHECK(policy_likeness(run, 0, 0).same == Catch::Approx(1));
}

TEST_CASE("policies: a table of blocks and one of pairs, over the seeds that have one", "[study]") {
  const std::vector<std::vector<double>> p{{0.9, 0.8, 0.6, 0.2}, {0.9, 0.4, 0.7, 0.1}};
  Study study;
  study.seeds = {1, 2, 3};
  const std::vector<StudyResult> results{result_of(
      {run_of(1, {{1, 1, 1, 0}, {1, 0, 1, 0}}, p), run_of(2, {{1, 1, 0, 0}, {1, 0, 1, 1}}, p)})};
  const std::string text = study_policies(study, results);
  CHECK_THAT(text, contains_text("rooms, learned, 2 of 3 seeds:"));
  CHECK_THAT(text,
             contains_text("| task | layer1.0 | layer2.0 | layer3.0 | layer4.0 | executes |"));
  CHECK_THAT(text, contains_text("| seg | 2/2 (0.90) | 2/2 (0.80) | 1/2 (0.60) | 0/2 (0.20) | "
                                 "2.50 ± 0.71 |"));
  CHECK_THAT(text, contains_text("| seg, depth | 50.00 ± 35.36 | 50.00 | 0.1500 |"));
  CHECK(text.find("hard") == std::string::npos);
  const auto pictures = policy_pictures(results);
  REQUIRE(pictures.size() == 2);
  CHECK(pictures[1].first == "rooms-learned-2");
  CHECK_THAT(pictures[1].second, contains_text("depth, layer4.0: p(select) = 0.100, executed"));
  CHECK(study_policies(study, {result_of({})}).empty());
}

TEST_CASE("policies: routes are the function blocks taken, and how far they collapse", "[study]") {
  const std::vector<std::vector<double>> p{{0.9, 0.8, 0.6, 0.4}, {0.9, 0.4, 0.7, 0.5}};
  std::vector<RunSummary> runs{run_of(1, {{1, 2, 1, 3}, {1, 1, 1, 3}}, p),
                               run_of(2, {{2, 2, 1, 1}, {2, 2, 1, 1}}, p)};
  runs[0].together = 0.75;
  runs[1].together = 1;
  for (RunSummary& run : runs) run.sharing = Sharing::routing;
  Study study;
  study.seeds = {1, 2};
  const std::string text = study_policies(study, {result_of(runs)});
  CHECK_THAT(text, contains_text("| seg | 1 2 (0.90) | 2 2 (0.80) | 1 1 (0.60) | 3 1 (0.40) |"));
  CHECK_THAT(text, contains_text("| seg, depth | 87.50 ± 17.68 | - | - |"));
  CHECK_THAT(text,
             contains_text("Collapse: two tasks take the same function block at 87.50 ± 17.68 "
                           "% of the places; all tasks take one path in 1 of 2 seeds."));
}

TEST_CASE("policies: a task by itself has no pairs, and collapses with none", "[study]") {
  RunSummary run = run_of(1, {{1, 2, 1, 3}}, {{0.9, 0.8, 0.6, 0.4}});
  run.tasks = {"seg"};
  Study study;
  study.seeds = {1};
  for (const Measure together : {Measure{}, Measure{1}}) {  // 1 as an older weft wrote it
    run.together = together;
    for (const Sharing sharing : {Sharing::adashare, Sharing::routing}) {
      run.sharing = sharing;
      const std::string text = study_policies(study, {result_of({run})});
      CHECK_THAT(text, contains_text("| seg | 1"));
      CHECK(text.find("tasks |") == std::string::npos);
      CHECK(text.find("Of two tasks") == std::string::npos);
      CHECK(text.find("ollapse") == std::string::npos);
      CHECK(policy_text(run, false).find("ollapse") == std::string::npos);
    }
  }
}

TEST_CASE("policies: routes of images alone need no word on chosen policies", "[study]") {
  RunSummary tested = run_of(1, {}, {}), untested = run_of(2, {}, {});
  tested.sharing = untested.sharing = Sharing::input_routing;
  tested.together = untested.together = 1;
  tested.results = {{"seg", 0.5, {}}};
  Study study;
  study.seeds = {1, 2};
  const StudyResult images = result_of({tested, untested});
  CHECK(study_policies(study, {images}) ==
        "\n## Policies\n\nrooms, learned, 1 of 2 seeds:\n\nCollapse: two images take the same "
        "function block at 100.0 % of the places; all images take one path in 1 of 1 seeds.\n");
  CHECK(study_policies(study, {result_of({untested})}).empty());
  // With a policy beside it, once.
  const StudyResult learned =
      result_of({run_of(1, {{1, 1, 1, 0}, {1, 0, 1, 0}}, {{1, 1, 1, 0}, {1, 0, 1, 0}})});
  const std::string both = study_policies(study, {images, learned, learned});
  const size_t at = both.find("Of a block:");
  REQUIRE(at != std::string::npos);
  CHECK(at > both.find("Collapse:"));
  CHECK(both.find("Of a block:", at + 1) == std::string::npos);
}
