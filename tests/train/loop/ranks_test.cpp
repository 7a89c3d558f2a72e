// Several ranks train as one process with the whole batch does: weights, running statistics, losses
// and evaluations to 1e-11 in f64, in every phase and every way of sharing; and the same bits on
// every rank and run after run. Ranks are threads here (tests/support/thread_ranks.h); what MPI adds
// is in tests/cli/mpi.sh.
#include <algorithm>
#include <cmath>
#include <optional>

#include "io/files.h"
#include "models/sharing/way.h"
#include "tests/support/catch.h"
#include "tests/support/host_cards.h"
#include "tests/support/rooms_run.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "tests/support/thread_ranks.h"
#include "train/loop/trainer.h"
#include "train/step/over_ranks.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::message_of;
using weft::test::run_ranks;
using weft::test::same;

namespace {

RunFile rooms(const std::vector<std::string>& overrides = {}) {
  return test::rooms_run(
      {"precision=f64", "seed=3", "model.head=aspp", "model.head_width=5", "model.dropout=0.5",
       "data.size=[17, 23]", "data.batch=4", "data.count=24", "data.val_count=5",
       "data.test_count=4", "warmup.steps=20", "policy.steps=60", "policy.weight_steps=4",
       "policy.logit_steps=2", "policy.curriculum_speed=1", "policy.draws=2", "retrain.steps=20",
       "eval.every=30"},
      overrides);
}

/// What a run has come to, and what it has said on the way, in f64.
struct Outcome {
  std::vector<Tensor> bits;
  std::vector<double> told;
};

class Listener final : public TrainObserver {
 public:
  explicit Listener(std::vector<double>& told) : told_(told) {}
  void on_step(const StepReport& report) override {
    for (const Measure& loss : report.losses) add(loss);
  }
  void on_eval(Stage, EvalSplit, const std::vector<TaskResult>& results) override {
    for (const TaskResult& result : results) {
      add(result.loss);
      add(result.constant);
      told_.push_back(static_cast<double>(result.faults));
      for (const Metric& metric : result.metrics) add(metric.value);
    }
  }

 private:
  void add(const Measure& value) { told_.push_back(value ? double{*value} : -1); }
  std::vector<double>& told_;
};

/// `cards`: gradients go the way that they go between GPUs.
Outcome outcome_of(RunFile run, bool cards = false) {
  std::optional<test::HostCards> joined;
  if (cards) joined.emplace(current_ranks());
  Outcome out;
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Listener listener(out.told);
  Trainer trainer(run, *data, &cpu, &listener);
  while (trainer.step()) {
  }
  out.bits = bits_of(trainer);
  return out;
}

/// Of each rank.
std::vector<Outcome> outcomes_on(int ranks, const RunFile& run, bool cards = false) {
  std::vector<Outcome> all(static_cast<size_t>(ranks));
  run_ranks(ranks, [&](int rank) { all[static_cast<size_t>(rank)] = outcome_of(run, cards); });
  return all;
}

/// The greatest distance, in units of 1 + |a|; infinity where they are of another number, or one of
/// them is none.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (a.size() != b.size()) return infinity;
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double off = std::abs(a[i] - b[i]) / (1 + std::abs(a[i]));
    if (!std::isfinite(off)) return infinity;
    most = std::max(most, off);
  }
  return most;
}

double distance(const Outcome& a, const Outcome& b) {
  double most = distance(a.told, b.told);
  if (a.bits.size() != b.bits.size()) return std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < a.bits.size(); ++i)
    most = std::max(most, distance(a.bits[i].to_vector(), b.bits[i].to_vector()));
  return most;
}

void check_as_one(const RunFile& run, const std::vector<int>& sizes, bool cards = false) {
  const Outcome one = outcome_of(run);
  CHECK(one.told.size() > 40);
  for (const int size : sizes) {
    INFO(size << " ranks");
    const std::vector<Outcome> all = outcomes_on(size, run, cards);
    CHECK(distance(one, all[0]) < 1e-11);
    for (const Outcome& other : all) {
      CHECK(same(other.bits, all[0].bits));
      CHECK(other.told == all[0].told);
    }
  }
}

}  // namespace

TEST_CASE("ranks: 20 steps of every phase end as one process's with the whole batch",
          "[train][ranks]") {
  check_as_one(rooms(), {2, 4});
}

TEST_CASE("ranks: by the way between GPUs they end as one process", "[train][ranks]") {
  const std::vector<std::string> shorter = {"warmup.steps=8", "policy.steps=12", "retrain.steps=8"};
  for (const char* way : {"", "balance.method=upgrad", "balance.method=uw"}) {
    INFO(way);
    std::vector<std::string> overrides = shorter;
    if (*way != '\0') overrides.emplace_back(way);
    check_as_one(rooms(overrides), {2, 4}, true);
  }
}

TEST_CASE("ranks: hard samples, compat and plain SGD as one process", "[train][ranks]") {
  check_as_one(rooms({"policy.hard=true", "warmup.steps=4", "policy.steps=12", "retrain.steps=4",
                      "retrain.optimizer.kind=sgd", "retrain.clip_norm=0.5"}),
               {2});
  check_as_one(rooms({"semantics=compat", "warmup.steps=4", "policy.steps=12", "retrain.steps=4"}),
               {2});
}

TEST_CASE("ranks: every way of sharing as one process", "[train][ranks]") {
  for (const char* way : words_of(Sharing{})) {
    const std::string name = way;
    // The first is above; the others decide for each image, which is refused below.
    if (name == "adashare" || way_of(from_word<Sharing>("sharing", name)).per_input) continue;
    INFO("sharing = " << way);
    check_as_one(rooms({"sharing=" + name, "retrain.steps=20"}), {2});
  }
}

TEST_CASE("ranks: statistics of each task's own, and weighed losses, as one process",
          "[train][ranks]") {
  const std::vector<std::string> few = {"warmup.steps=4", "policy.steps=12", "retrain.steps=8"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), few.begin(), few.end());
    return rooms(more);
  };
  check_as_one(with({"model.bn.running=per-task"}), {2});
  for (const char* method : {"uw", "dwa", "rlw", "gls"}) {
    INFO("balance.method = " << method);
    check_as_one(with({std::string("balance.method=") + method}), {4});
  }
}

TEST_CASE("ranks: balancing by the tasks' gradients as one process", "[train][ranks]") {
  for (const char* method :
       {"mgda", "pcgrad", "cagrad", "nash_mtl", "gradvac", "graddrop", "moco", "excess_mtl"}) {
    INFO("balance.method = " << method);
    check_as_one(rooms({"sharing=hard", "retrain.steps=12", std::string("balance.method=") + method,
                        "balance.watch=3"}),
                 {2});
  }
}

TEST_CASE("ranks: labels that some ranks lack, of images, as one process", "[train][ranks]") {
  test::TempFolder folder;
  std::string table = "a,b,kind,yes,much\n";
  for (int i = 0; i < 60; ++i) {  // most labels are missing, and some batches have none of a task
    const bool kind = i % 7 == 0, yes = i % 5 == 1, much = i % 11 == 3;
    table += fmt::format("{}.5,{}.25,{},{},{}\n", i * 7 % 11, i * 5 % 13,
                         kind ? std::string(1, static_cast<char>('p' + i % 3)) : "",
                         yes ? std::to_string(i % 2) : "", much ? std::to_string(i * 3 % 7) : "");
  }
  write_file(folder.file("table.csv"), table);
  const RunFile run = parse_run_text(R"(
sharing = "hard"
precision = "f64"
[model]
trunk = "mlp"
norm = "batch"
hidden = 6
blocks = 2
[data]
kind = "tabular"
index = "table.csv"
ratio = [0.2, 0.2]
batch = 4
workers = 0
[[task]]
name = "kind"
kind = "classification"
classes = 3
class_weights = [1.0, 2.5, 0.5]
[[task]]
name = "yes"
kind = "binary"
pos_weight = 3.0
[[task]]
name = "much"
kind = "regression"
[retrain]
steps = 40
[eval]
every = 10
)",
                                     "table.toml", {"data.root=" + folder.path()});
  check_as_one(run, {2, 4});
}

TEST_CASE("ranks: f32 has the same bits run after run, on every rank", "[train][ranks]") {
  const RunFile run = rooms(
      {"precision=f32", "warmup.steps=4", "policy.steps=12", "retrain.steps=6", "eval.every=5"});
  const std::vector<Outcome> first = outcomes_on(4, run), second = outcomes_on(4, run);
  for (const std::vector<Outcome>* all : {&first, &second})
    for (const Outcome& one : *all) {
      CHECK(same(one.bits, first[0].bits));
      CHECK(one.told == first[0].told);
    }
}

TEST_CASE("ranks: batch norm of each rank's own rows keeps all ranks alike", "[train][ranks]") {
  const std::vector<std::string> few = {"warmup.steps=4", "policy.steps=12", "retrain.steps=8"};
  std::vector<std::string> alone = few;
  alone.push_back("model.bn.sync=false");
  const std::vector<Outcome> own = outcomes_on(2, rooms(alone));
  CHECK(same(own[0].bits, own[1].bits));
  CHECK(own[0].told == own[1].told);
  CHECK(same(own[0].bits, outcomes_on(2, rooms(alone))[1].bits));
  CHECK(distance(own[0], outcomes_on(2, rooms(few))[0]) > 1e-6);
  // One process has no other rows: the key is nothing to it.
  CHECK(same(outcome_of(rooms(alone)).bits, outcome_of(rooms(few)).bits));
}

TEST_CASE("ranks: running statistics of each rank's own become their mean", "[train][ranks]") {
  std::vector<std::vector<double>> seen(2);
  run_ranks(2, [&](int rank) {
    CpuContext cpu(1);
    ParameterStore store(&cpu, DType::f64);
    BatchNormStats& stats = store.add_stats("bn", 2);
    stats.running_mean.data<double>()[1] = 3 + rank;
    stats.running_var.data<double>()[0] = 8 * rank;
    average_running_over_ranks(store);
    for (const Tensor& t : {stats.running_mean, stats.running_var})
      for (const double value : t.to_vector()) seen[static_cast<size_t>(rank)].push_back(value);
  });
  CHECK(seen[0] == std::vector<double>{0, 3.5, 4, 1});
  CHECK(seen[1] == seen[0]);
}

TEST_CASE("ranks: those of one machine share its memory", "[train][ranks]") {
  CHECK(ranks_on_this_host() == 1);
  std::vector<int> counted(3);
  run_ranks(3, [&](int rank) { counted[static_cast<size_t>(rank)] = ranks_on_this_host(); });
  CHECK(counted == std::vector<int>{3, 3, 3});
}

TEST_CASE("ranks: what they cannot divide is refused with its key", "[train][ranks]") {
  const auto refusal = [](const std::vector<std::string>& overrides) {
    return message_of<ConfigError>([&] { outcomes_on(2, rooms(overrides)); });
  };
  const auto names = [&](const std::string& message, const char* key) {
    return message.find(key) != std::string::npos &&
           message.find("2 ranks cannot divide") != std::string::npos;
  };
  CHECK(names(refusal({"data.batch=3"}), "'data.batch' is 3"));
  CHECK(names(refusal({"sharing=blockdrop"}), "'sharing' decides for each image"));
}
