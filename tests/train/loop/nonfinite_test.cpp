// Steps that are left out (on_nonfinite = "skip") leave nothing behind and are counted; a broken
// network is never the best one; a run that diverged goes on with a lower rate, which its history
// keeps.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/run_folder/changes.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/choose_policy.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

RunFile small(const std::vector<std::string>& overrides = {}) {
  return test::rooms_run(
      {"sharing=hard", "data.count=8", "retrain.steps=4", "eval.every=2", "checkpoint.every=1"},
      overrides);
}

/// Makes the first gradient of some steps NaN, and keeps all numbers from before and after them.
class Spoiler final : public StepProbe {
 public:
  Spoiler(Trainer& trainer, std::vector<int64_t> steps)
      : trainer_(trainer), steps_(std::move(steps)) {}

  void before(const StepInputs&, const Batch&) override { before_ = numbers(); }
  void differentiated() override {
    if (!due()) return;
    for (Parameter& p : trainer_.model().store().parameters())
      if (p.grad.defined()) {
        p.grad.data<float>()[0] = std::nanf("");
        p.grad.changed();
        return;
      }
  }
  void after() override {
    if (due()) unchanged_ += numbers() == before_;
  }
  int unchanged() const { return unchanged_; }

 private:
  bool due() const {
    return std::find(steps_.begin(), steps_.end(), trainer_.state().total_step) != steps_.end();
  }
  std::vector<double> numbers() const {
    std::vector<double> all;
    const auto add = [&](const Tensor& t) {
      for (double v : t.to_vector()) all.push_back(v);
    };
    auto& store = trainer_.model().store();
    for (const Parameter& p : store.parameters()) add(p.value);
    for (const NamedStats& s : store.stats()) {
      add(s.stats.running_mean);
      add(s.stats.running_var);
      all.push_back(static_cast<double>(s.stats.num_batches_tracked));
    }
    for (const Optimizer* optimizer : trainer_.optimizers())
      for (const Parameter* p : optimizer->parameters())
        if (const auto* state = optimizer->state_of(*p)) {
          for (const Tensor& m : state->moments) add(m);
          all.push_back(static_cast<double>(state->step));
        }
    return all;
  }

  Trainer& trainer_;
  std::vector<int64_t> steps_;
  std::vector<double> before_;
  int unchanged_ = 0;
};

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("skip: a bad step changes nothing but the count", "[train][nan]") {
  CpuContext cpu(1);
  for (const char* kind : {"adam", "sgd"})
    for (const int64_t first : {int64_t{0}, int64_t{1}}) {
      RunFile run = small({"on_nonfinite=skip", std::string("retrain.optimizer.kind=") + kind});
      const auto data = open_dataset(run);
      TempFolder folder;
      Trainer trainer(run, *data, &cpu);
      Spoiler spoiler(trainer, {first, 2});
      trainer.set_probe(&spoiler);
      trainer.start(folder.file("run"));
      trainer.run();
      CHECK(spoiler.unchanged() == 2);
      CHECK(trainer.state().skipped == 2);
      CHECK(trainer.state().skipped_in_row == 0);
      const RunSummary summary = read_summary(folder.file("run"));
      CHECK((summary.skipped == 2 && summary.steps == 4));
      const std::string log = text_of(folder.file("run") + "/log.txt");
      CHECK(log.find("retrain step 3 (run step 3): skipped: the gradient of '") !=
            std::string::npos);
      CHECK(log.find("2 of 4 steps were skipped") != std::string::npos);
      CHECK(read_checkpoint(folder.file("run") + "/checkpoints/last.safetensors").state.skipped ==
            2);
    }
}

TEST_CASE("skip: a hundred bad steps in a row stop the run", "[train][nan]") {
  CpuContext cpu(1);
  RunFile run = small({"on_nonfinite=skip", "retrain.steps=150", "eval.every=1000",
                       "checkpoint.every=1000", "task.depth.scale=1", "data.batch=1"});
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  std::vector<int64_t> all;
  for (int64_t i = 20; i < 150; ++i) all.push_back(i);
  Spoiler spoiler(trainer, all);
  trainer.set_probe(&spoiler);
  const std::string message = message_of<NumericError>([&] { trainer.run(); });
  CHECK(message.find("100 steps in a row were skipped") != std::string::npos);
  CHECK(trainer.state().total_step == 119);
}

TEST_CASE("a network that breaks in its last step is not the best one, and the run says so",
          "[train][nan]") {
  CpuContext cpu(1);
  RunFile run = small();
  const auto data = open_dataset(run);
  TempFolder folder;
  Trainer trainer(run, *data, &cpu);
  trainer.start(folder.file("run"));
  for (int i = 0; i < 3; ++i) trainer.step();
  CHECK(trainer.state().best_step == 2);
  // As a rate that is far too high leaves it: the last step's weights, before the last evaluation.
  struct Break final : StepProbe {
    explicit Break(Trainer& t) : trainer(t) {}
    void after() override {
      for (Parameter& p : trainer.model().store().parameters()) p.value.data<float>()[0] = NAN;
    }
    Trainer& trainer;
  } broken(trainer);
  trainer.set_probe(&broken);
  const std::string message = message_of<NumericError>([&] { trainer.run(); });
  CHECK(message.find("evaluation on val after step 4: the loss of task 'seg' is nan") !=
        std::string::npos);
  CHECK(message.find("retrain.optimizer.lr") != std::string::npos);
  CHECK(trainer.state().best_step == 2);
  const std::string stem = folder.file("run") + "/checkpoints/";
  CHECK(read_checkpoint(stem + "best.safetensors").state.total_step == 2);
  CHECK(read_checkpoint(stem + "last.safetensors").state.total_step == 3);
  CHECK(text_of(folder.file("run") + "/metrics.jsonl").find("\"loss\":\"nan\"") !=
        std::string::npos);
}

TEST_CASE("a run that diverged goes on with a lower rate, and its history says from where",
          "[train][nan][resume]") {
  CpuContext cpu(1);
  RunFile wild = small();
  const auto data = open_dataset(wild);
  TempFolder folder;
  const std::string path = folder.file("run"), last = path + "/checkpoints/last.safetensors";
  {
    Trainer trainer(wild, *data, &cpu);
    Spoiler spoiler(trainer, {2});
    trainer.set_probe(&spoiler);
    trainer.start(path);
    CHECK_THROWS_AS(trainer.run(), NumericError);
  }
  const Checkpoint kept = read_checkpoint(last);
  CHECK(kept.state.total_step == 2);
  const std::vector<std::string> changes = {"retrain.optimizer.lr=1e-3",
                                            "retrain.optimizer.trunk_lr=1e-3",
                                            "retrain.clip_norm=1", "on_nonfinite=skip"};
  const RunFile tamed = changed_run(kept.run_text, "run.toml", changes);
  CHECK(tamed.retrain.optimizer.lr == 1e-3);
  Trainer trainer(tamed, *data, &cpu);
  trainer.resume(FolderLock(path), "last", changes);
  const std::string line =
      fmt::format("from step {} on: {}", kept.state.total_step, fmt::join(changes, " "));
  CHECK(text_of(path + "/log.txt").find("changed " + line) != std::string::npos);
  CHECK(parse_run_file(path + "/run.toml").retrain.clip_norm == 1);
  const Checkpoint changed = read_checkpoint(last);
  CHECK(changed.state.changes == std::vector<std::string>{line});
  CHECK(changed.state.total_step == kept.state.total_step);
  CHECK(changed.run_text == print_run_file(tamed));
  trainer.run();
  CHECK(trainer.state().total_step == 4);
  CHECK(read_checkpoint(last).state.changes == std::vector<std::string>{line});
}

TEST_CASE("a changed rate is the rate from then on", "[train][resume]") {
  CpuContext cpu(1);
  RunFile run = small();
  const auto data = open_dataset(run);
  TempFolder folder;
  const std::string path = folder.file("run");
  {
    Trainer trainer(run, *data, &cpu);
    trainer.start(path);
    for (int i = 0; i < 2; ++i) trainer.step();
  }
  const std::vector<std::string> changes = {"retrain.optimizer.lr=1e-30",
                                            "retrain.optimizer.trunk_lr=1e-30"};
  Trainer trainer(changed_run(print_run_file(run), "run.toml", changes), *data, &cpu);
  trainer.resume(FolderLock(path), "last", changes);
  const auto weights = [&] {
    std::vector<double> all;
    for (const Parameter& p : trainer.model().store().parameters())
      for (double v : p.value.to_vector()) all.push_back(v);
    return all;
  };
  const auto before = weights();
  trainer.run();
  CHECK(trainer.state().total_step == 4);
  const auto after = weights();
  double most = 0;
  for (size_t i = 0; i < before.size(); ++i) most = std::max(most, std::abs(after[i] - before[i]));
  CHECK(most < 1e-20);
}

TEST_CASE("--resume takes what may change on the way, and nothing else", "[train][resume]") {
  const std::string text = print_run_file(small());
  for (const std::string& key : changeable_keys()) {
    const std::string value = key == "on_nonfinite"      ? "skip"
                              : key == "debug"           ? "true"
                              : key == "log.tensorboard" ? "true"
                              : key == "data.root"       ? "/elsewhere"
                                                         : "3";
    CHECK(print_run_file(changed_run(text, "run.toml", {key + "=" + value})) != text);
  }
  for (const char* setting : {"seed=2", "data.batch=4", "policy.draws=9", "device=cuda",
                              "sharing=single", "retrain.optimizer.kind=sgd", "task.seg.weight=2"})
    CHECK_THAT(message_of<ConfigError>([&] { changed_run(text, "run.toml", {setting}); }),
               contains_text("cannot change while a run goes on; --resume takes"));
  CHECK(print_run_file(changed_run(text, "run.toml", {})) == text);
}

TEST_CASE("draws whose validation loss is no number are never chosen", "[train][nan]") {
  CpuContext cpu(1);
  RunFile run = small({"sharing=adashare"});
  const auto model = make_model(&cpu, run);
  const auto blocks = block_names(model->trunk());
  PolicySpec spec = run.policy;
  spec.draws = 4;
  int seen = 0;
  const double infinity = std::numeric_limits<double>::infinity();  // what score() says of a NaN
  const auto third = [&](const BinaryPolicy&) { return ++seen == 3 ? 1.0 : infinity; };
  const PolicyChoice choice =
      choose_policy(*model->policy(), model->task_names(), blocks, spec, 1, third);
  CHECK(choice.how.find("validation score 1.0000") != std::string::npos);
  CHECK_THROWS_AS(choose_policy(*model->policy(), model->task_names(), blocks, spec, 1,
                                [&](const BinaryPolicy&) { return infinity; }),
                  NumericError);
}
