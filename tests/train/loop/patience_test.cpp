// eval.patience and eval.keep: a phase ends where its definition says, the best networks are the
// best, and a run that was killed anywhere ends as one that was not.
#include "train/loop/patience.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/run_bits.h"
#include "tests/train/loop/parts_run.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::message_of;
using weft::test::parts_run;
using weft::test::same;
using weft::test::TempFolder;

namespace {

std::vector<TaskResult> scores(const Measure& seg, const Measure& depth) {
  return {{"seg", seg, {}, 0, "", 1.0}, {"depth", depth, {}, 0, "", 1.0}};
}

/// A rate with which scores get better and worse, an evaluation at each step.
RunFile restless(const std::vector<std::string>& more = {}) {
  std::vector<std::string> settings = {
      "sharing=hard",    "retrain.steps=30",         "eval.every=1",    "checkpoint.every=4",
      "eval.patience=3", "retrain.optimizer.lr=0.1", "data.val_count=4"};
  settings.insert(settings.end(), more.begin(), more.end());
  return parts_run(settings);
}

struct Evaluation {
  int64_t step = 0;
  double score = 0;
  bool stopped = false;
};

/// The run's validation scores in its phase, as the lines of metrics.jsonl say.
std::vector<Evaluation> evaluations(const std::string& folder, Phase phase) {
  std::vector<Evaluation> out;
  for (const MetricsLine& line : read_metrics(folder + "/metrics.jsonl")) {
    if (line.split != "val" || line.phase != phase) continue;
    double constant = 1;
    for (const Metric& m : line.metrics)
      if (m.name == constant_loss) constant = *m.value;
    if (out.empty() || out.back().step != line.step) out.push_back({line.step, 0, false});
    out.back().score += *line.loss / constant;
    out.back().stopped = line.stopped;
  }
  return out;
}

/// Where patience has to end it; its length where it does not.
size_t stop_by_hand(const std::vector<Evaluation>& all, int64_t patience) {
  double best = std::numeric_limits<double>::infinity();
  int64_t waited = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    waited = all[i].score < best ? 0 : waited + 1;
    best = std::min(best, all[i].score);
    if (waited == patience) return i + 1;
  }
  return all.size();
}

int64_t step_of(const std::string& folder, const std::string& name) {
  return read_checkpoint(checkpoint_path(folder, name)).state.total_step;
}

bool there(const std::string& folder, const std::string& name) {
  return std::filesystem::exists(checkpoint_path(folder, name));
}

}  // namespace

TEST_CASE("patience: so many evaluations in a row without a lower score", "[train][patience]") {
  const RunFile run = parts_run({"eval.patience=2", "retrain.steps=9"});
  TrainState state;
  state.stage = Stage::retrain;
  const auto after = [&](int64_t step, double seg) {
    state.step = state.total_step = step;
    return out_of_patience(state, run, scores(seg, 1));
  };
  CHECK_FALSE(after(1, 3));
  CHECK_FALSE(after(2, 3));  // a tie is no better
  CHECK_FALSE(after(3, 2));
  CHECK_FALSE(after(4, std::nan("")));
  CHECK(after(5, 2.5));
  CHECK(stopped_text(state, run) ==
        "retrain: stopped at step 5 of 9: 2 evaluations without a better validation score since "
        "run step 3");
  CHECK_FALSE(after(9, 2.5));  // it is at its end anyway
  CHECK_FALSE(out_of_patience(state, parts_run(), scores(9, 9)));
}

TEST_CASE("patience: with best steps of each task, a task that gets better is enough",
          "[train][patience]") {
  const RunFile run =
      parts_run({"sharing=single", "eval.best=per-task", "eval.patience=2", "retrain.steps=9"});
  TrainState state;
  state.stage = Stage::retrain;
  CHECK_FALSE(out_of_patience(state, run, scores(1, 2)));
  CHECK_FALSE(out_of_patience(state, run, scores(9, 1)));
  CHECK_FALSE(out_of_patience(state, run, scores(9, std::nullopt)));
  CHECK(out_of_patience(state, run, scores(9, 1)));
}

TEST_CASE("patience ends re-training where the lines of its evaluations say", "[train][patience]") {
  CpuContext cpu(1);
  const TempFolder folder;
  RunFile run = restless({"eval.keep=3"});
  const auto data = open_dataset(run);
  const std::string path = folder.file("run");
  Trainer trainer(run, *data, &cpu);
  trainer.start(path);
  trainer.run();
  const auto all = evaluations(path, Phase::retrain);
  REQUIRE(all.size() < 30);
  CHECK(stop_by_hand(all, 3) == all.size());
  for (const Evaluation& e : all) CHECK(e.stopped == (e.step == all.back().step));
  CHECK(trainer.state().stage == Stage::done);
  CHECK(trainer.state().total_step == static_cast<int64_t>(all.size()));
  CHECK(read_summary(path).stopped == std::map<std::string, int64_t>{{"retrain", all.back().step}});

  // The best three of all, in their order, and no more.
  auto best = all;
  std::stable_sort(best.begin(), best.end(),
                   [](const Evaluation& a, const Evaluation& b) { return a.score < b.score; });
  const auto kept = read_summary(path).kept_best;
  REQUIRE(kept.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    const std::string name = i == 0 ? "best" : fmt::format("best-{}", i);
    CHECK(step_of(path, name) == best[i].step);
    CHECK(kept[i].first == best[i].step);
    CHECK(std::abs(kept[i].second - best[i].score) < 1e-6);
  }
  CHECK_FALSE(there(path, "best-3"));
  CHECK(read_summary(path).best_step == best[0].step);
}

TEST_CASE("patience ends warm-up, never the search, and a killed run ends the same",
          "[train][patience][resume]") {
  CpuContext cpu(1);
  const TempFolder folder;
  RunFile run =
      parts_run({"warmup.steps=20", "warmup.optimizer.lr=0.05", "policy.steps=9",
                 "retrain.steps=12", "retrain.optimizer.lr=0.02", "eval.every=1", "eval.patience=2",
                 "eval.keep=2", "checkpoint.every=3", "data.val_count=4", "policy.draws=2"});
  const auto data = open_dataset(run);
  const std::string whole_path = folder.file("whole");
  Trainer whole(run, *data, &cpu);
  whole.start(whole_path);
  whole.run();
  const auto warmup = evaluations(whole_path, Phase::warmup);
  REQUIRE(warmup.size() < 20);
  CHECK(stop_by_hand(warmup, 2) == warmup.size());
  CHECK(warmup.back().stopped);
  CHECK(evaluations(whole_path, Phase::weights).size() == 9);
  const auto expected = bits_of(whole);
  for (int64_t kill_at = 3; kill_at < whole.state().total_step; ++kill_at) {
    INFO("killed after step " << kill_at);
    const std::string path = folder.file(fmt::format("killed{}", kill_at));
    {
      Trainer first(run, *data, &cpu);
      first.start(path);
      for (int64_t i = 0; i < kill_at; ++i) first.step();
    }
    Trainer second(run, *data, &cpu, nullptr, Trainer::Begin::resumed);
    second.resume(FolderLock(path));
    second.run();
    CHECK(same(bits_of(second), expected));
    CHECK(second.state() == whole.state());
    for (const char* name : {"best", "best-1"})
      CHECK(step_of(path, name) == step_of(whole_path, name));
    CHECK_FALSE(there(path, "best-2"));
  }
}

TEST_CASE("patience: what cannot be is refused by key", "[train][patience]") {
  CHECK_THAT(message_of<ConfigError>([] {
               parts_run({"eval.patience=2", "eval.split=test"});
             }),
             contains_text("'eval.patience' is 2, but eval.split = \"test\" only reports"));
  CHECK_THAT(message_of<ConfigError>([] { parts_run({"eval.keep=0"}); }),
             contains_text("'eval.keep' is 0; it is 1 to 1000"));
  CHECK_THAT(message_of<ConfigError>([] {
               parts_run({"sharing=single", "eval.best=per-task", "eval.keep=2"});
             }),
             contains_text("'eval.keep' is 2, which needs eval.best = \"sum\""));
}
