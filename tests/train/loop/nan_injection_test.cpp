// A NaN or infinity put at a random place (an input, a label, a weight, a gradient, a running
// value, a moment), in every way of sharing and every phase, never ends well with a result that
// counts it: the run stops with an error of the user's kind, its checkpoint from before is whole,
// and where the place was one that nothing reads, the result is the untouched run's.
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/learned_trunk.h"
#include "tests/support/rooms_run.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/run_folder/checkpoint.h"

using namespace weft;
using weft::test::TempFolder;

namespace {

const std::vector<std::string> ways = test::names_of(test::all_ways());

RunFile tiny(const std::string& sharing, const std::vector<std::string>& more = {}) {
  std::vector<std::string> overrides{"sharing=" + sharing};
  if (sharing == "soft") overrides.push_back("share.layers=[\"layer4\"]");
  overrides.insert(overrides.end(), more.begin(), more.end());
  return test::rooms_run({"data.count=10", "warmup.steps=2", "policy.steps=4",
                          "policy.weight_steps=1", "policy.logit_steps=1", "policy.draws=1",
                          "retrain.steps=4", "eval.every=2", "checkpoint.every=1"},
                         overrides);
}

/// Rooms, rendered once, of which a few numbers may be spoilt.
class Spoilt final : public Dataset {
 public:
  explicit Spoilt(RunFile run) : set_(open_dataset(run)) {
    for (int64_t i = 0; i < set_->size(); ++i) samples_.push_back(set_->load(i));
  }
  int64_t size() const override { return set_->size(); }
  Sample load(int64_t index) const override { return samples_[static_cast<size_t>(index)]; }
  std::string key(int64_t index) const override { return set_->key(index); }
  Split split(int64_t index) const override { return set_->split(index); }
  Sample& sample(int64_t index) { return samples_[static_cast<size_t>(index)]; }

 private:
  std::unique_ptr<Dataset> set_;
  std::vector<Sample> samples_;
};

enum class Spoiled { input, label, weight, gradient, running, moment };
constexpr const char* place_names[] = {"input", "label", "weight", "gradient", "running", "moment"};

using Random = std::mt19937_64;

void spoil(Random& random, const Tensor& t, double bad) {
  t.data<float>()[random() % static_cast<uint64_t>(t.numel())] = static_cast<float>(bad);
  t.changed();
}

/// Spoils one number of the trainer's at one step.
class Saboteur final : public StepProbe {
 public:
  Saboteur(Trainer& trainer, Random& random, Spoiled place, int64_t step, double bad)
      : trainer_(trainer), random_(random), place_(place), step_(step), bad_(bad) {}

  void before(const StepInputs&, const Batch&) override {
    if (!due()) return;
    auto& store = trainer_.model().store();
    if (place_ == Spoiled::weight) {
      auto& all = store.parameters();
      spoil(random_, all[random_() % all.size()].value, bad_);
    }
    if (place_ == Spoiled::running) {
      BatchNormStats& stats = store.stats()[random_() % store.stats().size()].stats;
      spoil(random_, random_() % 2 == 0 ? stats.running_mean : stats.running_var, bad_);
    }
    if (place_ == Spoiled::moment)
      for (const Optimizer* optimizer : trainer_.optimizers())
        for (const Parameter* p : optimizer->parameters())
          if (const auto* state = done_ ? nullptr : optimizer->state_of(*p)) {
            spoil(random_, state->moments[0], bad_);
            done_ = true;
          }
  }
  bool done() const { return done_; }
  void differentiated() override {
    if (!due() || place_ != Spoiled::gradient) return;
    std::vector<Parameter*> with;
    for (Parameter& p : trainer_.model().store().parameters())
      if (p.grad.defined()) with.push_back(&p);
    spoil(random_, with[random_() % with.size()]->grad, bad_);
  }

 private:
  bool due() const { return trainer_.state().total_step == step_; }
  Trainer& trainer_;
  Random& random_;
  Spoiled place_;
  int64_t step_;
  double bad_;
  bool done_ = false;
};

/// How many numbers of a checkpoint's tensors are none.
int64_t faults_in(const std::string& path) {
  const SafetensorsFile file(path);
  int64_t bad = 0;
  for (const std::string& name : file.names())
    for (const double v : file.load(name, DType::f64).to_vector()) bad += !std::isfinite(v);
  return bad;
}

struct End {
  bool stopped = false;
  std::string message;
};

End run_to_end(Trainer& trainer, const std::string& folder) {
  try {
    trainer.start(folder);
    trainer.run();
    return {};
  } catch (const UserError& e) {  // exit code 2
    return {true, e.what()};
  }
}

}  // namespace

TEST_CASE("a NaN at any of 50 random places never ends with a result that counts it",
          "[train][nan]") {
  CpuContext cpu(1);
  int stopped = 0;
  for (uint64_t seed = 0; seed < test::cases<uint64_t>(50, 8); ++seed) {
    Random random(seed);
    const std::string way = ways[seed % std::size(ways)];
    const auto place = static_cast<Spoiled>(random() % std::size(place_names));
    const double bads[] = {std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()};
    const double bad = bads[random() % 3];
    TempFolder folder;
    RunFile run = tiny(way);
    test::give_start(run, folder);
    const bool learns_policy = way_of(run.sharing).policy;
    const int64_t steps = run.retrain.steps + (learns_policy ? 6 : 0);
    const auto step = static_cast<int64_t>(random() % static_cast<uint64_t>(steps));
    INFO("seed " << seed << ": " << way << ", " << place_names[static_cast<int>(place)]
                 << " of step " << step + 1 << " becomes " << bad);
    Spoilt data(run);
    if (place == Spoiled::input || place == Spoiled::label) {
      Sample& sample =
          data.sample(static_cast<int64_t>(random() % static_cast<uint64_t>(data.size())));
      Picture& picture = place == Spoiled::input ? sample.image : sample.labels[1];
      // A label that is NaN is absent; one that is infinite is a fault.
      picture.pixels[random() % picture.pixels.size()] =
          place == Spoiled::input ? static_cast<float>(bad)
                                  : std::numeric_limits<float>::infinity();
    }
    const std::string path = folder.file("run");
    Trainer trainer(run, data, &cpu);
    Saboteur saboteur(trainer, random, place, step, bad);
    trainer.set_probe(&saboteur);
    const End end = run_to_end(trainer, path);
    INFO("message: " << end.message);
    stopped += end.stopped;
    // A sample may not be drawn, a label lie between outputs, a block be skipped, a stage's moments
    // end with it; these are read.
    const bool one_stage = !learns_policy;
    const bool read = place == Spoiled::gradient || place == Spoiled::running ||
                      (place == Spoiled::weight && one_stage) ||
                      (place == Spoiled::moment && one_stage && saboteur.done());
    if (read) CHECK(end.stopped);
    for (const auto& file : std::filesystem::directory_iterator(path + "/checkpoints")) {
      INFO(file.path());
      CHECK(faults_in(file.path().string()) == 0);
    }
    CHECK(std::filesystem::exists(path + "/checkpoints/last.safetensors"));
    CHECK(std::filesystem::exists(path + "/summary.json") != end.stopped);
    if (end.stopped) continue;
    for (const TaskResult& r : read_summary(path).results) {
      CHECK((r.loss && std::isfinite(*r.loss)));
      for (const Metric& m : r.metrics) CHECK_FALSE(is_fault(m.value));
    }
  }
  CHECK(stopped >= test::cases(30, 3));
}

TEST_CASE("the stop names phase, step, tensor, data and what to try; the checkpoint stays",
          "[train][nan]") {
  CpuContext cpu(1);
  const RunFile run = tiny("adashare");
  for (const int64_t step : {1, 2, 3, 7}) {  // warm-up, weights, logits, re-training
    Spoilt data(run);
    TempFolder folder;
    Trainer trainer(run, data, &cpu);
    Random random(3);
    Saboteur saboteur(trainer, random, Spoiled::gradient, step, std::nan(""));
    trainer.set_probe(&saboteur);
    const End end = run_to_end(trainer, folder.file("run"));
    INFO(end.message);
    REQUIRE(end.stopped);
    const char* phase = step == 1   ? "warmup"
                        : step == 2 ? "weights"
                        : step == 3 ? "policy"
                                    : "retrain";
    const char* rate = step == 1   ? "warmup.optimizer."
                       : step == 2 ? "policy.optimizer."
                       : step == 3 ? "policy.logits.lr"
                                   : "retrain.optimizer.";
    CHECK(end.message.find(phase) == 0);
    for (const std::string& part :
         {fmt::format("(run step {})", step + 1), std::string("the gradient of '"),
          std::string("holds NaN"), std::string("the batch was '"), std::string(rate),
          std::string("clip_norm"), std::string("debug=true"), "--resume " + folder.file("run")})
      CHECK(end.message.find(part) != std::string::npos);
    CHECK(end.message.find("--debug") == std::string::npos);
    const TrainState last =
        read_checkpoint(folder.file("run") + "/checkpoints/last.safetensors").state;
    CHECK(last.total_step == step);
    CHECK(trainer.state().total_step == step);
  }
}

TEST_CASE("an input that is NaN is named, and no learning rate is blamed alone", "[train][nan]") {
  CpuContext cpu(1);
  const RunFile run = tiny("hard");
  Spoilt data(run);
  for (int64_t i = 0; i < data.size(); ++i) data.sample(i).image.pixels[7] = std::nanf("");
  TempFolder folder;
  Trainer trainer(run, data, &cpu);
  const End end = run_to_end(trainer, folder.file("run"));
  REQUIRE(end.stopped);
  CHECK(end.message.find("retrain step 1 (run step 1): the loss of task 'seg' is nan") == 0);
  CHECK(end.message.find("holds NaN or infinity: mend it") != std::string::npos);
  CHECK(end.message.find(data.key(0).substr(0, 3)) != std::string::npos);
}

TEST_CASE("a moment that is NaN is in no checkpoint, and the one before stays", "[train][nan]") {
  CpuContext cpu(1);
  const RunFile run = tiny("hard");
  Spoilt data(run);
  TempFolder folder;
  Trainer trainer(run, data, &cpu);
  trainer.start(folder.file("run"));
  trainer.step();
  const std::string last = folder.file("run") + "/checkpoints/last.safetensors";
  const TrainState before = read_checkpoint(last).state;
  const Optimizer& optimizer = *trainer.optimizers()[0];
  const Parameter* p = optimizer.parameters()[0];
  optimizer.state_of(*p)->moments[1].data<float>()[0] = std::numeric_limits<float>::infinity();
  const std::string message = test::message_of<NumericError>([&] { trainer.save("last"); });
  CHECK(message.find("not written") != std::string::npos);
  CHECK(message.find("'optim." + p->name + ".exp_avg_sq'") != std::string::npos);
  CHECK(read_checkpoint(last).state == before);
}
