// Plans before work: what a later phase lacks is said before the first step, by task, part, phase
// and key; what does not fit the machine is refused before memory is taken.
#include "train/loop/preflight.h"

#include <chrono>
#include <filesystem>

#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"

using namespace weft;
using weft::test::TempFolder;

namespace {

/// Six training rows of which task B labels `of_b`, one row a split for the rest.
void write_table(const TempFolder& folder, int of_b, bool val_has_b = true) {
  std::string text = "x,y,a,b,split\n";
  for (int i = 0; i < 6; ++i)
    text += fmt::format("{},{},{},{},train\n", i, i * i, i % 2, i < of_b ? std::to_string(i) : "");
  text += fmt::format("7,1,1,{},val\n8,2,0,{},test\n", val_has_b ? "3" : "", 4);
  write_file(folder.file("index.csv"), text);
}

RunFile table_run(const TempFolder& folder, std::vector<std::string> overrides = {}) {
  overrides.push_back("data.root=" + folder.path());
  return parse_run_text(R"(name = "plan"
[model]
trunk = "mlp"
hidden = 4
blocks = 3
[data]
kind = "tabular"
split = "split"
batch = 4
workers = 0
columns = ["x", "y"]
[[task]]
name = "A"
kind = "binary"
column = "a"
[[task]]
name = "B"
kind = "regression"
column = "b"
[warmup]
steps = 2
[policy]
steps = 6
weight_steps = 1
logit_steps = 1
curriculum_speed = 1
draws = 2
[retrain]
steps = 2
)",
                        "plan.toml", overrides);
}

/// What a run says when it is made, and how it refuses.
struct Said : TrainObserver {
  std::string lines;
  void say(const std::string& line) override { lines += line + "\n"; }
};

std::string begin(RunFile run, std::string* said = nullptr) {
  CpuContext cpu(1);
  try {
    const auto data = open_dataset(run);
    Said observer;
    Trainer trainer(run, *data, &cpu, &observer);
    CHECK(trainer.state().total_step == 0);
    if (said != nullptr) *said = observer.lines;
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

std::string begin_table(const std::vector<std::string>& overrides, std::string* said = nullptr) {
  TempFolder folder;
  write_table(folder, 6);
  return begin(table_run(folder, overrides), said);
}

RunFile scenes(const std::vector<std::string>& overrides) {
  return parse_run_text(R"(name = "rooms"
[model]
width = 0.0625
head = "linear"
[data]
size = [32, 32]
batch = 2
count = 8
workers = 0
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "depth"
kind = "depth"
)",
                        "rooms.toml", overrides);
}

/// What check_memory() takes to be enough.
int64_t needed(RunFile run) {
  const auto data = open_dataset(run);
  const Parts parts = make_parts(*data, run.semantics);
  int64_t refused = 0, enough = int64_t{1} << 40;
  while (enough - refused > 1) {
    const int64_t middle = refused + (enough - refused) / 2;
    try {
      check_memory(run, *data, parts, middle);
      enough = middle;
    } catch (const ConfigError&) {
      refused = middle;
    }
  }
  return enough;
}

}  // namespace

TEST_CASE("plan: every part has labels of every task that trains on it", "[plan]") {
  CHECK(begin_table({}) == "");
  {
    TempFolder folder;  // one label of B: it is in one of the two parts of the search
    write_table(folder, 1);
    const std::string said = begin(table_run(folder));
    CHECK_THAT(said, contains_text("task 'B': none of the"));
    CHECK_THAT(said, contains_text("which the phase 'policy' needs (1 of 6 training samples"));
    // Without a search, the training part is one.
    CHECK(begin(table_run(folder, {"sharing=hard"})) == "");
    CHECK(begin(table_run(folder, {"policy.steps=0"})) == "");
  }
  {
    TempFolder folder;
    write_table(folder, 6, /*val_has_b=*/false);
    CHECK_THAT(begin(table_run(folder)),
               contains_text("task 'B': none of the 1 samples of the val part has a label of it, "
                             "which the phase 'eval' needs"));
    CHECK_THAT(begin(table_run(folder, {"eval.split=test"})),
               contains_text("which the phase 'policy.choose' needs"));
    CHECK(begin(table_run(folder, {"eval.split=test", "policy.choose=likely"})) == "");
    CHECK(begin(table_run(folder, {"eval.split=train", "sharing=single"})) == "");
  }
  {
    TempFolder folder;  // rows of their own: one of B's cannot serve both parts
    std::string text = "x,y,a,b,who,split\n";
    for (int i = 0; i < 5; ++i) text += fmt::format("{},1,{},,A,train\n", i, i % 2);
    text += "5,2,,1,B,train\n6,1,1,,A,val\n7,1,,2,B,val\n";
    write_file(folder.file("index.csv"), text);
    CHECK_THAT(begin(table_run(folder, {"data.task_column=who", "data.inputs=per-task",
                                        "task.A.rows=A", "task.B.rows=B"})),
               contains_text("samples of the policy part has a label of it"));
  }
}

TEST_CASE("plan: steps that nothing comes of are refused with their key", "[plan]") {
  const std::string at = "command line: ";
  CHECK_THAT(begin_table({"sharing=hard", "retrain.steps=0"}),
             contains_text(at + "'retrain.steps' is 0, and sharing = \"hard\" trains in this"));
  CHECK_THAT(begin_table({"policy.steps=3", "policy.weight_steps=3"}),
             contains_text(at + "'policy.steps' is 3: the search ends before its first step for "
                                "the logits, which comes after 3 steps"));
  CHECK_THAT(begin_table({"retrain.init=search", "warmup.steps=0", "policy.steps=0"}),
             contains_text(at + "'retrain.init' is \"search\", but warmup.steps and policy.steps"));
  CHECK_THAT(begin_table({"retrain.policy=x.json", "retrain.steps=0"}),
             contains_text("under a policy that is given"));
  CHECK_THAT(begin_table({"retrain.policy=x.json", "sharing=mtan"}),
             contains_text("means nothing for sharing = \"mtan\""));
  CHECK_THAT(begin_table({"retrain.gates=soft", "sharing=hard"}),
             contains_text(at + "'retrain.gates' is \"soft\", which means nothing for sharing = "
                                "\"hard\", which has no such policy"));
  for (const char* gates : {"soft", "stochastic-depth"})
    CHECK_THAT(begin_table({std::string("retrain.gates=") + gates, "retrain.policy=x.json"}),
               contains_text(at +
                             "'retrain.policy' says which blocks run, but under "
                             "retrain.gates = \"" +
                             gates + "\" all do; leave one of the two out"));
  CHECK_THAT(begin_table({"retrain.gates=stochastic-depth", "retrain.init=search"}),
             contains_text(at + "'retrain.init' is \"search\", but under retrain.gates = "
                                "\"stochastic-depth\" there is none"));
  CHECK_THAT(begin_table({"retrain.gates=stochastic-depth", "retrain.steps=0"}),
             contains_text("under retrain.gates = \"stochastic-depth\" nothing else is trained"));
  CHECK(begin_table({"retrain.steps=0"}) == "");  // the search's own weights under its policy
}

TEST_CASE("plan: the policy file is read before the search that it follows", "[plan]") {
  CHECK_THAT(begin_table({"retrain.policy=/no/such.json", "retrain.init=search"}),
             contains_text("/no/such.json"));
  TempFolder folder;
  write_table(folder, 6);
  write_file(folder.file("p.json"), "{\"tasks\": [\"A\"]}");
  CHECK_THAT(
      begin(table_run(folder, {"retrain.policy=" + folder.file("p.json"), "retrain.init=search"})),
      contains_text("p.json"));
}

TEST_CASE("plan: what chooses has something to choose from", "[plan]") {
  CHECK_THAT(begin_table({"policy.from=best", "policy.curriculum_speed=5"}),
             contains_text("'policy.from' is \"best\", of the steps since all blocks are learned: "
                           "from policy epoch 15 on, and the search has 3"));
  CHECK_THAT(begin_table({"policy.from=best", "policy.curriculum_speed=0", "eval.split=test"}),
             contains_text("nothing says which step is best"));
  CHECK(begin_table({"policy.from=best", "policy.curriculum_speed=0"}) == "");
  TempFolder folder;
  write_file(folder.file("index.csv"),
             "x,y,a,b,split\n1,1,0,1,train\n2,2,1,1,train\n3,3,1,2,train\n4,4,1,2,val\n");
  CHECK_THAT(begin(table_run(folder, {"eval.split=test"})),
             contains_text("'eval.split' is \"test\", and the data have no such samples"));
}

TEST_CASE("plan: what may not be meant is said at the start", "[plan]") {
  std::string said;
  REQUIRE(begin_table({"policy.curriculum_speed=2"}, &said) == "");
  CHECK_THAT(said, contains_text("the search's 3 policy epochs unlock 2 of 3 blocks: the first 1 "
                                 "never get a turn"));
  CHECK_THAT(said, contains_text("data.batch is 4, but the policy part has 1 samples: its batches "
                                 "have 1"));
  CHECK(said.find("the train part") == std::string::npos);  // it fills a batch
  REQUIRE(begin_table({"policy.curriculum_speed=2", "policy.curriculum_from=first"}, &said) == "");
  CHECK_THAT(said, contains_text("unlock 2 of 3 blocks: the last 1 never get a turn"));
  REQUIRE(begin_table({"policy.steps=0"}, &said) == "");
  CHECK_THAT(said, contains_text("drawn from logits that learn nothing"));
  REQUIRE(begin_table({"data.batch=1"}, &said) == "");
  CHECK(said.empty());
}

TEST_CASE("plan: what cannot fit is refused at once, naming what makes it large", "[plan]") {
  const auto began = std::chrono::steady_clock::now();
  CHECK_THAT(begin(scenes({"model.width=64", "model.trunk=resnet101", "sharing=single"})),
             contains_text("'model.width': the run needs at least"));
  CHECK_THAT(begin(scenes({"model.head=aspp", "model.head_width=65536", "model.width=64"})),
             contains_text("'model.head_width'"));
  CHECK_THAT(begin(scenes({"data.size=[8192,16384]", "data.batch=16777216", "data.count=4000"})),
             contains_text("lower data.size or data.batch"));
  CHECK_THAT(
      begin_table({"task.A.kind=classification", "task.A.classes=4194304", "model.hidden=65536"}),
      contains_text("'task.classes'"));
  CHECK_THAT(begin_table({"model.hidden=65536", "model.blocks=1000"}),
             contains_text("'model.hidden': the run needs at least"));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
  // The bound is the device's own.
  RunFile run = scenes({});
  const auto data = open_dataset(run);
  const Parts parts = make_parts(*data, run.semantics);
  CHECK_NOTHROW(check_memory(run, *data, parts, 64 << 20));
  CHECK_THROWS_AS(check_memory(run, *data, parts, 64 << 10), ConfigError);
}

TEST_CASE("plan: each task's gradient of the trunk counts where it is kept", "[plan][balance]") {
  const int64_t plain = needed(scenes({"sharing=hard"}));
  CHECK(needed(scenes({"sharing=hard", "balance.method=uw"})) == plain);
  const int64_t kept = needed(scenes({"sharing=hard", "balance.method=upgrad"})) - plain;
  CHECK(std::abs(static_cast<double>(kept) - 2 * 4 * 11.2e6 / 256) < 2);  // 2 tasks, width 1/16
  CHECK(needed(scenes({"sharing=hard", "balance.method=upgrad", "balance.keep=false"})) == plain);
  // What is not there is not counted: a task without a weight has no row, one task alone shares
  // nothing, and what balance.shared leaves is known by the network's names.
  const int64_t one =
      needed(scenes({"sharing=hard", "balance.method=upgrad", "task.seg.weight=0"})) - plain;
  CHECK(std::abs(static_cast<double>(2 * one - kept)) < 4);
  CHECK(needed(scenes({"sharing=hard", "balance.method=upgrad", "balance.shared=[\"layer4*\"]"})) ==
        plain);
  for (const char* sharing : {"sharing=hard", "sharing=single"}) {
    RunFile alone = scenes({sharing}), weighed = scenes({sharing, "balance.method=upgrad"});
    for (RunFile* run : {&alone, &weighed}) run->tasks.pop_back();
    CHECK(needed(weighed) == needed(alone));
  }
  RunFile many = scenes({"sharing=hard", "balance.method=upgrad", "model.width=1"});
  for (int i = 0; i < 6; ++i) {
    many.tasks.push_back(many.tasks[1]);
    many.tasks.back().name += std::to_string(i);
  }
  const auto data = open_dataset(many);
  const Parts parts = make_parts(*data, many.semantics);
  CHECK_THAT(test::message_of<ConfigError>([&] { check_memory(many, *data, parts, 1 << 20); }),
             contains_text("'balance.keep': the run needs at least") &&
                 contains_text("each task's gradient of the trunk alone take 0.3 GiB: set "
                               "balance.keep = false"));
  // Where that would be refused, it is not advised.
  const std::vector<std::vector<std::string>> others{
      {"balance.method=moco"}, {"balance.method=gradvac", "balance.groups=layer"}};
  for (const std::vector<std::string>& settings : others) {
    many.balance = scenes(settings).balance;
    CHECK_THAT(test::message_of<ConfigError>([&] { check_memory(many, *data, parts, 1 << 20); }),
               contains_text("'balance.method': the run needs at least") &&
                   contains_text("take 0.3 GiB: this method needs them all; name fewer parameters "
                                 "in balance.shared, or take one that needs their Gram matrix "
                                 "alone, with balance.keep = false"));
  }
}

TEST_CASE("plan: routers that look at the input choose at every block", "[plan][input_routing]") {
  const auto of = [](const char* functions, const char* skip) {
    return needed(scenes({"sharing=input_routing", functions, skip}));
  };
  const int64_t two = of("share.functions=2", "policy.skip_layer=0");
  CHECK(of("share.functions=2", "policy.skip_layer=3") == two);
  CHECK(of("share.functions=4", "policy.skip_layer=3") > two);
}

TEST_CASE("plan: moments count as the phases that train have them", "[plan]") {
  const auto fits = [](const std::vector<std::string>& settings, int64_t bytes) {
    RunFile run = scenes(settings);
    const auto data = open_dataset(run);
    return test::message_of<ConfigError>(
               [&] { check_memory(run, *data, make_parts(*data, run.semantics), bytes); })
        .empty();
  };
  // 11.2 M weights of the trunk: three numbers each under SGD, four under Adam.
  const std::vector<std::string> sgd{"model.width=1", "sharing=hard", "warmup.optimizer.kind=adam",
                                     "retrain.optimizer.kind=sgd"};
  std::vector<std::string> adam = sgd, searched = sgd;
  adam.push_back("retrain.optimizer.kind=adam");
  searched.push_back("sharing=adashare");
  const int64_t between = 160 << 20;
  CHECK(fits(sgd, between));
  CHECK_FALSE(fits(adam, between));
  CHECK_FALSE(fits(searched, between));  // whose warm-up trains by Adam
  const auto routed = [&](const char* functions) {
    return fits({"model.width=1", "sharing=routing", functions}, 400 << 20);
  };
  CHECK(routed("share.functions=2"));
  CHECK_FALSE(routed("share.functions=16"));  // 0.57 GB of values more
  std::vector<std::string> tuned = adam;
  tuned.insert(tuned.end(), {"sharing=spottune", "model.init=\"learned.safetensors\""});
  CHECK(fits(adam, 190 << 20));
  CHECK_FALSE(fits(tuned, 190 << 20));  // the frozen blocks: 38 MB of values more
}
