// From a learned policy to the one that is re-trained: drawn, drawn n times and chosen on
// validation, or the most likely; refusals; the policy file, written, read, edited by hand and
// re-trained; the pictures of policy and history.
#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/step/choose_policy.h"
#include "train/study/run_table.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

const std::vector<std::string> tasks{"a", "b"}, blocks{"layer1.0", "layer2.0", "layer3.0"};

struct Learned {
  CpuContext cpu;
  ParameterStore store{&cpu, DType::f64};
  Policy policy{store, tasks, 3, {}, 5};

  void set(size_t task, const std::vector<double>& select) {
    std::vector<double> logits;
    for (double s : select) logits.insert(logits.end(), {s, 0});
    policy.set_logits(task, Tensor::from({3, 2}, logits, DType::f64));
  }
  PolicyChoice choose(const std::string& how, const PolicyScore& score = {}, int draws = 8) {
    PolicySpec spec;
    spec.choose = from_word<Choose>("policy.choose", how);
    spec.draws = draws;
    return choose_policy(policy, tasks, blocks, spec, 1, score);
  }
};

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

RunFile slim_run(const std::vector<std::string>& overrides = {}) {
  return test::rooms_run(
      {"model.head=aspp", "data.workers=2", "model.width=0.07", "model.head_width=8",
       "data.size=[33, 41]", "data.count=20", "data.val_count=4", "data.test_count=4",
       "warmup.steps=1", "policy.steps=6", "policy.weight_steps=2", "policy.logit_steps=1",
       "policy.draws=2", "retrain.steps=2"},
      overrides);
}

}  // namespace

TEST_CASE("validation takes the best of n sound draws", "[train][policy]") {
  Learned learned;
  int scored = 0;
  // Fewer executed blocks score better, so the draw with the fewest has to win.
  const auto executed = [&](const BinaryPolicy& p) {
    double sum = 0;
    for (const auto& row : p.select)
      for (int s : row) sum += s;
    return sum;
  };
  double least = 100;
  const PolicyChoice best = learned.choose("validation", [&](const BinaryPolicy& p) {
    ++scored;
    CHECK_FALSE(degenerate(p, tasks, blocks));
    least = std::min(least, executed(p));
    return executed(p);
  });
  CHECK(scored == 8);
  CHECK(executed(best.policy) == least);
  CHECK_THAT(best.how, contains_text("validation score") && contains_text("the best of 8"));
}

TEST_CASE("draw takes the first sound draw, and says why others were refused", "[train][policy]") {
  Learned learned;
  learned.set(0, {-1.5, -1.5, -1.5});
  learned.set(1, {-1.5, -1.5, -1.5});
  const PolicyChoice chosen = learned.choose("draw", [](const BinaryPolicy&) -> double {
    FAIL("scored");
    return 0;
  });
  CHECK_FALSE(degenerate(chosen.policy, tasks, blocks));
  REQUIRE(!chosen.refused.empty());
  CHECK_THAT(chosen.refused[0], contains_text("draw 0: ") && contains_text("execute"));
  CHECK(learned.choose("draw").policy == chosen.policy);  // the same seed, the same draw
}

TEST_CASE("likely selects where p is at least a half, and repairs what is degenerate",
          "[train][policy]") {
  Learned learned;
  learned.set(0, {2, -2, 2});
  learned.set(1, {-2, 2, 0});
  const PolicyChoice likely = learned.choose("likely");
  CHECK(likely.policy.select == std::vector<std::vector<int>>{{1, 0, 1}, {0, 1, 1}});
  CHECK(likely.refused.empty());
  learned.set(1, {-2, -1, -3});
  const PolicyChoice repaired = learned.choose("likely");
  REQUIRE(repaired.refused.size() == 1);
  CHECK_THAT(repaired.refused[0],
             contains_text("the most likely policy: task b executes no block"));
  // Block 1 goes to b, which is more inclined to it; so b executes something too.
  CHECK(repaired.policy.select == std::vector<std::vector<int>>{{1, 0, 1}, {0, 1, 0}});
}

TEST_CASE("where all draws are degenerate, the likeliest is repaired", "[train][policy]") {
  Learned learned;
  learned.set(0, {-60, -60, -60});
  learned.set(1, {-60, -50, -60});
  const PolicyChoice chosen = learned.choose("draw");
  CHECK_FALSE(degenerate(chosen.policy, tasks, blocks));
  CHECK_THAT(chosen.how, contains_text("1000 draws were degenerate"));
}

TEST_CASE("a policy file reads as written, and what is wrong in it is named", "[train][policy]") {
  TempFolder folder;
  const std::string path = folder.file("policy.json");
  const BinaryPolicy policy{{{1, 0, 1}, {0, 1, 1}}};
  const std::string text =
      policy_json(policy, tasks, blocks, {{0.9, 0.2, 0.6}, {0.1, 0.7, 0.5}}, 3);
  write_file(path, text);
  CHECK(read_policy(path, tasks, blocks) == policy);
  const auto broken = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const size_t at = changed.find(from);
    REQUIRE(at != std::string::npos);
    write_file(path, changed.replace(at, from.size(), to));
    return message_of<DataError>([&] { read_policy(path, tasks, blocks); });
  };
  CHECK_THAT(broken("layer2.0", "layer2.1"), contains_text("its blocks are not this model's"));
  CHECK_THAT(broken("\"version\": 1", "\"version\": 2"), contains_text("version 2"));
  CHECK_THAT(broken("\"select\": {\n  \"a\"", "\"select\": {\n  \"c\""),
             contains_text("'select' has no task 'a'"));
  CHECK_THAT(broken("\"a\": [\n   1,", "\"a\": [\n   7,"),
             contains_text("a gate is 0 or 1, not 7"));
  CHECK_THAT(broken("\"a\": [\n   1,", "\"a\": ["),
             contains_text("task 'a' has 2 gates for 3 blocks"));
  // What a typed-in policy gets wrong, and a damaged one.
  CHECK_THAT(broken("\"a\": [\n   1,", "\"a\": [\n   1.0,"),
             contains_text("is 1.0; it is a whole"));
  CHECK_THAT(broken("\"a\": [\n   1,", "\"a\": [\n   true,"),
             contains_text("is true; it is a whole"));
  CHECK_THAT(broken("\"a\": [\n   1,", "\"a\": [\n   null,"),
             contains_text("is null; it is a whole"));
  CHECK_THAT(broken("\"select\": {", "\"select\": {\"a\": [0, 0, 0],"),
             contains_text("the key 'a' is there twice"));
  CHECK_THAT(broken("\"select\": {", "\"select\": {\"c\": [0, 0, 0],"),
             contains_text("'select' has a task 'c'; this run's are a, b"));
  CHECK_THAT(broken("\"seed\"", "\"sed\""), contains_text("there is no key 'sed'"));
  CHECK_THAT(broken("\"seed\": 3", "\"seed\": -3"), contains_text("'seed': is -3"));
  CHECK_THAT(broken("0.9", "1.9"), contains_text("is 1.9; it is in [0, 1]"));
  CHECK_THAT(broken("0.9", "-0.9"), contains_text("is -0.9; it is in [0, 1]"));
  CHECK_THAT(broken("   0.9,\n", ""), contains_text("task 'a' has 2 probabilities for 3 blocks"));
  CHECK_THAT(broken("\"tasks\": [\n  \"a\"", "\"tasks\": [\n  \"x\""),
             contains_text("its tasks are not this run's"));
  CHECK_THAT(broken("\"blocks\"", "\"block\""), contains_text("there is no key 'block'"));
  CHECK_THAT(broken("}\n", "} trailing\n"), contains_text("no JSON"));
  // What gates that weigh both branches would select is not in their file.
  BinaryPolicy soft = weighed({{0.9, 0.2, 0.6}, {0.1, 0.7, 0.5}});
  write_file(path, policy_json(soft, tasks, blocks, soft.weights, 3));
  CHECK_THAT(message_of<DataError>([&] { read_policy(path, tasks, blocks); }),
             contains_text("its gates weigh both branches"));
  CHECK_THAT(message_of<DataError>([&] { read_policy("/no/such", tasks, blocks); }),
             contains_text("/no/such: cannot open"));
}

TEST_CASE(
    "a flipped bit in a policy file is refused, or makes a policy that a hand could have written",
    "[train][policy]") {
  TempFolder folder;
  const std::string path = folder.file("policy.json");
  const std::string text =
      policy_json({{{1, 0, 1}, {0, 1, 1}}}, tasks, blocks, {{0.9, 0.2, 0.6}, {0.1, 0.7, 0.5}}, 3);
  int read = 0;
  for (size_t bit = 0; bit < 8 * text.size(); bit += 3) {
    std::string changed = text;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    std::ofstream(path) << changed;
    try {
      const BinaryPolicy policy = read_policy(path, tasks, blocks);
      REQUIRE(policy.select.size() == 2);
      for (const auto& row : policy.select) {
        REQUIRE(row.size() == 3);
        for (int gate : row) REQUIRE((gate == 0 || gate == 1));
      }
      ++read;
    } catch (const DataError& e) {
      REQUIRE(std::string(e.what()).rfind(path, 0) == 0);
    }
  }
  CHECK(read > 0);  // white space, a digit of a probability, a gate
}

TEST_CASE("a run re-trains under a policy edited by hand", "[train][policy]") {
  TempFolder folder;
  CpuContext cpu(1);
  RunFile first_run = slim_run();
  const auto data = open_dataset(first_run);
  {
    Trainer trainer(first_run, *data, &cpu);
    trainer.start(folder.file("first"));
    trainer.run();
  }
  // Block layer1.0 for nobody: the hand may do what a draw may not.
  const std::string file = folder.file("first") + "/policy/drawn.json";
  const auto names = std::vector<std::string>{"seg", "depth"};
  const auto trunk = block_names(make_model(&cpu, slim_run())->trunk());
  BinaryPolicy edited = read_policy(file, names, trunk);
  for (auto& row : edited.select) {
    row[0] = 0;
    row[1] = 1;
  }
  write_file(
      file, policy_json(edited, names, trunk, {std::vector<double>(8), std::vector<double>(8)}, 1));

  RunFile run = slim_run({"retrain.policy=" + file});
  Trainer again(run, *data, &cpu);
  CHECK(again.state().stage == Stage::retrain);  // no warm-up, no search
  CHECK(again.state().chosen == edited);
  again.start(folder.file("second"));
  CHECK(read_policy(folder.file("second") + "/policy/drawn.json", names, trunk) == edited);
  again.run();
  CHECK_THAT(text_of(folder.file("second") + "/summary.json"), contains_text("\"policy\""));
  int seen = 0;
  for (const NamedStats& s : again.model().store().stats()) {
    if (s.name.rfind("layer1.0.bn1.", 0) != 0) continue;  // a task's each
    CHECK(s.stats.num_batches_tracked == 0);
    ++seen;
  }
  CHECK(seen == 2);
  // From the search's weights, the search comes first.
  RunFile after = slim_run({"retrain.policy=" + file, "retrain.init=search"});
  Trainer searched(after, *data, &cpu);
  CHECK(searched.state().stage == Stage::warmup);
  while (searched.state().stage != Stage::retrain) searched.step();
  CHECK(searched.state().chosen == edited);
}

TEST_CASE("the search writes one line a policy epoch", "[train][policy]") {
  TempFolder folder;
  CpuContext cpu(1);
  RunFile run = slim_run();
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  trainer.start(folder.file("run"));
  while (trainer.state().stage != Stage::retrain) trainer.step();
  const auto lines = read_search(folder.file("run") + "/policy/search.jsonl", {"seg", "depth"});
  REQUIRE(lines.size() == 2);
  CHECK((lines[0].epoch == 0 && lines[1].epoch == 1));
  CHECK(lines[1].temperature == 5 * 0.965);
  CHECK(lines[1].probability == trainer.model().policy()->probabilities());
}

TEST_CASE("policy.from = best draws from the search's best logits, also after a resume",
          "[train][policy][resume]") {
  TempFolder folder;
  CpuContext cpu(1);
  RunFile run = slim_run({"policy.from=best", "policy.steps=12", "policy.curriculum_speed=0",
                          "eval.every=1", "checkpoint.every=1", "policy.logits.lr=0.5",
                          "policy.choose=likely", "policy.optimizer.lr=0.05", "seed=1"});
  const auto data = open_dataset(run);
  Trainer whole(run, *data, &cpu);
  whole.start(folder.file("whole"));
  std::map<int64_t, std::vector<std::vector<double>>> learned;  // p(select) by step
  while (whole.state().stage != Stage::retrain) {
    learned[whole.state().total_step] = whole.model().policy()->probabilities();
    whole.step();
  }
  // The best is not the last, or there would be nothing to recall.
  const auto last = learned.rbegin()->second, best = learned.at(whole.state().search_step);
  REQUIRE(best != last);
  CHECK(whole.model().policy()->probabilities() == best);
  const PolicyChoice likely = choose_policy(*whole.model().policy(), {"seg", "depth"},
                                            block_names(whole.model().trunk()), run.policy, 1, {});
  CHECK(whole.state().chosen == likely.policy);
  const auto written = nlohmann::json::parse(text_of(folder.file("whole") + "/policy/drawn.json"));
  CHECK(written.at("probability").at("seg").get<std::vector<double>>() == best[0]);
  Trainer resumed(run, *data, &cpu);
  {
    Trainer first(run, *data, &cpu);
    first.start(folder.file("killed"));
    while (first.state().search_step < 0 || first.state().stage != Stage::search) first.step();
  }
  resumed.resume(folder.file("killed"));
  while (resumed.state().stage != Stage::retrain) resumed.step();
  CHECK(resumed.state() == whole.state());
}

TEST_CASE("policy.from = best draws also where the first blocks have no logits",
          "[train][policy]") {
  CpuContext cpu(1);
  RunFile run = slim_run({"policy.from=best", "policy.skip_layer=2", "policy.steps=12",
                          "policy.curriculum_speed=0", "eval.every=1", "policy.choose=likely"});
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  std::map<int64_t, std::vector<std::vector<double>>> learned;
  while (trainer.state().stage != Stage::retrain) {
    learned[trainer.state().total_step] = trainer.model().policy()->probabilities();
    trainer.step();
  }
  REQUIRE(trainer.state().search_step > 0);
  CHECK(trainer.model().policy()->probabilities() == learned.at(trainer.state().search_step));
  for (const auto& task : trainer.state().chosen.select) CHECK((task[0] == 1 && task[1] == 1));
}

TEST_CASE("compat: the search's best counts after 18 blocks of ResNet-34, in sound after 16",
          "[train][policy][compat]") {
  for (const char* trunk : {"resnet18", "resnet34"}) {
    const bool miscounted = std::string(trunk) == "resnet34";
    const int blocks = miscounted ? 16 : 8;
    RunFile sound = slim_run({std::string("model.trunk=") + trunk});
    RunFile compat = slim_run({std::string("model.trunk=") + trunk, "semantics=compat"});
    CHECK(first_best_epoch(sound, blocks) == 3 * blocks);
    CHECK(first_best_epoch(compat, blocks) == (miscounted ? 54 : 24));
    compat.model.form = TrunkForm::plain;  // the official DomainNet's count is right
    CHECK(first_best_epoch(compat, blocks) == 3 * blocks);
  }
}
