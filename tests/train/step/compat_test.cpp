// semantics = "sound" and "compat", side by side, where a whole run is needed to see the
// difference: what skipped blocks do, what is validated on, which bottleneck convolution strides,
// and that a run in compat says at its start what its numbers are not. (Metrics: test_metrics;
// losses: test_losses; labels: nyu_test, other_sets_test, loader_test; regularisers: policy_test.)
#include <algorithm>
#include <cmath>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/step/choose_policy.h"
#include "train/step/compat.h"

using namespace weft;
using weft::test::TempFolder;

namespace {

RunFile slim_run(const char* semantics, std::vector<std::string> overrides = {}) {
  overrides.push_back(std::string("semantics=") + semantics);
  return test::rooms_run(
      {"model.head=aspp", "model.width=0.07", "model.head_width=8", "data.size=[33, 41]",
       "data.count=30", "data.val_count=0", "data.test_count=6", "warmup.steps=2", "policy.steps=3",
       "policy.weight_steps=2", "policy.logit_steps=1", "policy.draws=1", "retrain.steps=2"},
      overrides);
}

/// One step of re-training in which nobody executes block 3, and only seg executes block 5.
struct SkippingStep {
  explicit SkippingStep(const char* semantics)
      : run(slim_run(semantics)), data(open_dataset(run)), trainer(run, *data, &cpu) {
    BinaryPolicy policy{{{1, 1, 1, 0, 1, 1, 1, 1}, {1, 1, 1, 0, 1, 0, 1, 1}}};
    trainer.set_policy(policy);
    trainer.jump(Stage::retrain, 0);
  }
  int64_t tracked(const std::string& name) {
    int64_t sum = 0;  // over the tasks, where each has statistics of its own
    for (const NamedStats& s : trainer.model().store().stats())
      if (s.name == name || s.name.rfind(name + ".", 0) == 0) sum += s.stats.num_batches_tracked;
    return sum;
  }
  CpuContext cpu{1};
  RunFile run;
  std::unique_ptr<Dataset> data;
  Trainer trainer;
};

class Lines final : public TrainObserver {
 public:
  void say(const std::string& line) override { lines.push_back(line); }
  std::vector<std::string> lines;
};

bool any(const std::vector<std::string>& lines, const std::string& part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(part) != line.npos; });
}

}  // namespace

TEST_CASE("compat: skipped blocks run and move batch norm's statistics", "[train][compat]") {
  SkippingStep sound("sound"), compat("compat");
  sound.trainer.step();
  compat.trainer.step();
  // layer2.1 is block 3, layer3.1 block 5; what both tasks execute on one value counts twice.
  CHECK((sound.tracked("layer2.1.bn1") == 0 && compat.tracked("layer2.1.bn1") == 2));
  CHECK((sound.tracked("layer3.1.bn1") == 1 && compat.tracked("layer3.1.bn1") == 2));
  CHECK((sound.tracked("layer1.0.bn1") == 2 && compat.tracked("layer1.0.bn1") == 2));
}

TEST_CASE("compat: a broken block is felt where everybody skips it", "[train][compat]") {
  SkippingStep sound("sound"), compat("compat");
  for (SkippingStep* s : {&sound, &compat}) {
    s->cpu.fill(s->trainer.model().store().find("layer2.1.conv1.weight")->value, std::nan(""));
    if (s == &compat)
      CHECK_THROWS_AS(s->trainer.step(), NumericError);
    else
      CHECK(s->trainer.step());
  }
}

TEST_CASE("compat: validation is on the first 11 batches of the test split", "[train][compat]") {
  CpuContext cpu(1);
  RunFile sound = slim_run("sound"), compat = slim_run("compat");
  CHECK((sound.eval.batches == 0 && compat.eval.batches == 11));
  CHECK(slim_run("compat", {"eval.batches=0"}).eval.batches == 0);
  CHECK(parse_run_text(print_run_file(compat), "again.toml").eval.batches == 11);
  const auto data = open_dataset(sound);
  const Trainer in_sound(sound, *data, &cpu), in_compat(compat, *data, &cpu);
  CHECK(in_sound.parts().val.size() == 3);
  CHECK(in_sound.parts().train.size() == 27);
  CHECK(in_compat.parts().val == in_compat.parts().test);
  CHECK(in_compat.parts().train.size() == 30);
  // A validation part that the set itself has is used in both.
  RunFile own = slim_run("compat", {"data.val_count=4"});
  CHECK(make_parts(*open_dataset(own), Semantics::compat).val.size() == 4);
}

TEST_CASE("eval.batches limits validation, not the final test", "[train]") {
  CpuContext cpu(1);
  RunFile run = slim_run("sound", {"sharing=hard", "eval.batches=1"});
  const auto data = open_dataset(run);
  TempFolder folder;
  Trainer trainer(run, *data, &cpu);
  trainer.start(folder.file("run"));
  trainer.run();
  const auto last = read_metrics(folder.file("run") + "/metrics.jsonl").back();
  CHECK(last.split == "test");
  CHECK(last.loss == trainer.evaluate_split(EvalSplit::test).back().loss);
  CHECK(last.loss != trainer.evaluate_split(EvalSplit::test, 1).back().loss);
}

TEST_CASE("compat: a bottleneck strides on its first 1x1", "[train][compat]") {
  CpuContext cpu(1);
  const auto macs = [&](const char* semantics, const char* form) {
    RunFile run = slim_run(semantics, {"model.trunk=resnet50", std::string("model.form=") + form});
    return make_model(&cpu, run)->trunk().cost(64, 64).residual[3].dense;  // layer2.0
  };
  // 1x1 C->M, 3x3 M->M, 1x1 M->4M: in sound the first runs at four times the pixels.
  CHECK(macs("sound", "deeplab") > macs("compat", "deeplab"));
  CHECK(macs("sound", "plain") > macs("compat", "plain"));
}

TEST_CASE("compat: no floor, and the first draw, degenerate or not, unless the run file says",
          "[run_file][policy][compat]") {
  const RunFile sound = slim_run("sound"), compat = slim_run("compat");
  CHECK((sound.policy.floor == 0.1 && sound.policy.choose == Choose::validation));
  CHECK((compat.policy.floor == 0 && compat.policy.choose == Choose::draw));
  CHECK(slim_run("compat", {"policy.floor=0.1"}).policy.floor == 0.1);
  CHECK(slim_run("compat", {"policy.choose=likely"}).policy.choose == Choose::likely);
  CHECK(SearchClock::temperature(compat.policy, 400) < 1e-5);
  CpuContext cpu(1);
  ParameterStore store(&cpu, DType::f64);
  const std::vector<std::string> tasks{"a", "b"}, blocks{"layer1.0", "layer2.0"};
  Policy policy(store, tasks, 2, {}, 1);
  for (size_t k : {0, 1}) policy.set_logits(k, Tensor::from({2, 2}, {-60, 0, -60, 0}, DType::f64));
  const PolicyChoice taken =
      choose_policy(policy, tasks, blocks, compat.policy, 1, {}, compat.semantics);
  CHECK(taken.policy.select == std::vector<std::vector<int>>{{0, 0}, {0, 0}});
  CHECK(taken.refused.empty());
  CHECK_FALSE(
      degenerate(choose_policy(policy, tasks, blocks, compat.policy, 1, {}, sound.semantics).policy,
                 tasks, blocks));
}

TEST_CASE("compat: what it does of its own is in the notes", "[compat]") {
  const auto notes = [](std::vector<std::string> overrides) {
    return compat_notes(slim_run("compat", std::move(overrides)), false);
  };
  CHECK(any(notes({}), "the temperature has no floor"));
  CHECK_FALSE(any(notes({"policy.floor=0.1"}), "no floor"));
  CHECK(any(notes({}), "the first draw is taken"));
  CHECK_FALSE(any(notes({"policy.choose=validation"}), "the first draw is taken"));
  CHECK(any(notes({}), "no official references for a run of the name 'rooms'"));
  CHECK(any(notes({"name=cityscapes_2task"}), "best relative score"));
}

TEST_CASE("compat: a mirror keeps x, but for Taskonomy's", "[data][compat]") {
  const auto fit = [](const char* semantics, DataKind kind) {
    RunFile run = slim_run(semantics);
    const auto data = open_dataset(run);
    run.data.kind = kind;
    return eval_loader_options(run, *data).fit;
  };
  TaskSpec normals;
  normals.kind = TaskKind::normals;
  const auto mirrored_x = [&](FitOptions options) {
    options.height = options.width = 0;
    options.augment.flip = true;
    Sample sample{Picture(1, 2, 3), {Picture(1, 2, 3, 0.5F)}};
    sample.image.pixels[0] = 1;
    for (uint32_t epoch = 0;; ++epoch) {
      const Sample out =
          fit_sample(sample, {normals}, options, Philox(1, Stream::data, epoch, "x"));
      if (out.image.pixels[0] == 0) return out.labels[0].pixels[0];
    }
  };
  CHECK(mirrored_x(fit("sound", DataKind::nyu_v2)) == -0.5F);
  CHECK(mirrored_x(fit("compat", DataKind::nyu_v2)) == 0.5F);
  CHECK(mirrored_x(fit("sound", DataKind::taskonomy)) == -0.5F);
  CHECK(mirrored_x(fit("compat", DataKind::taskonomy)) == -0.5F);
}

TEST_CASE("compat: the policy phase trains weights by SGD without decay, as in sound",
          "[run_file][compat]") {
  for (const char* semantics : {"sound", "compat"}) {
    RunFile run = slim_run(semantics, {"warmup.optimizer.lr=0.5"});
    CHECK(run.policy.optimizer.kind == OptimizerKind::sgd);
    CHECK((run.policy.optimizer.momentum == 0.9 && run.policy.optimizer.lr == 0.5));
    CHECK(run.policy.schedule.kind == ScheduleKind::constant);
  }
}

TEST_CASE("compat: a run says at its start which numbers are not what they are called",
          "[train][compat]") {
  CpuContext cpu(1);
  for (const char* semantics : {"sound", "compat"}) {
    RunFile run = slim_run(semantics);
    const auto data = open_dataset(run);
    TempFolder folder;
    Lines said;
    Trainer trainer(run, *data, &cpu, &said);
    trainer.start(folder.file("run"));
    const bool compat = run.semantics == Semantics::compat;
    for (const char* part : {"'val' is the test split", "of 11 batches", "miou leaves out",
                             "delta_* counts negative depths", "nearest neighbour", "raw logits"}) {
      INFO(part);
      CHECK(any(said.lines, part) == compat);
    }
    std::ifstream log(folder.file("run") + "/log.txt");
    std::string first;
    std::getline(log, first);
    CHECK((first.rfind("compat: ", 0) == 0) == compat);
  }
  // What the run does not measure is not spoken of.
  RunFile run = slim_run("compat", {"sharing=hard"});
  CHECK_FALSE(any(compat_notes(run, false), "'val'"));
  CHECK_FALSE(any(compat_notes(run, false), "raw logits"));
  CHECK_FALSE(any(compat_notes(run, false), "pixel_acc"));
  CHECK_FALSE(any(compat_notes(run, false), "raw bytes"));
  run.tasks[0].ignore = -1;
  CHECK(any(compat_notes(run, false), "pixel_acc counts unlabelled"));
  run.tasks[1].kind = TaskKind::normals;
  run.data.kind = DataKind::nyu_v2;
  run.data.augment.flip = true;
  CHECK(any(compat_notes(run, false), "between raw bytes"));
  CHECK(any(compat_notes(run, false), "mirrored picture keeps"));
  CHECK_FALSE(any(compat_notes(run, false), "negative depths"));
  run.tasks[1].kind = TaskKind::keypoints;
  run.data.kind = DataKind::taskonomy;
  CHECK(any(compat_notes(run, false), "in -1 to 1"));
}
