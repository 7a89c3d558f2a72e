// Runs with SpotTune: they start from a checkpoint, whose copy stays bit for bit; the same bits killed
// or on 7 threads; what is refused; and that tuning learns what heads on the frozen trunk cannot.
#include <algorithm>

#include "engine/device_tensor.h"
#include "tests/support/catch.h"
#include "tests/support/learned_trunk.h"
#include "tests/support/op_check.h"
#include "tests/support/rooms_run.h"
#include "tests/support/run_bits.h"
#include "tests/support/sanitized.h"
#include "train/export/export_run.h"
#include "train/loop/trainer.h"
#include "train/run_folder/pretrained.h"

using namespace weft;
using test::message_of;
using test::TempFolder;

namespace {

RunFile tune_run(const TempFolder& folder, const std::vector<std::string>& more = {}) {
  RunFile run = test::rooms_run(
      {"sharing=spottune", "retrain.steps=6", "share.policy_width=4", "eval.every=100",
       "checkpoint.every=1", "retrain.optimizer={ weight_decay = 0.01 }"},
      more);
  test::give_start(run, folder);
  return run;
}

const std::string copy = "sharing.frozen.";

/// Bits by name of all parameters and running statistics whose name begins with `prefix`.
std::map<std::string, Tensor> bits_by_name(Trainer& trainer, const std::string& prefix) {
  std::map<std::string, Tensor> out;
  for (const NamedTensor& t : file_tensors(trainer.model().store()))
    if (t.name.rfind(prefix, 0) == 0)  // a copy: on the CPU the file's tensor may be the network's
      out.emplace(t.name.substr(prefix.size()),
                  Tensor::from(t.value.shape(), t.value.to_vector(), t.value.dtype()));
  return out;
}

}  // namespace

TEST_CASE("spottune: both copies start from the checkpoint, and the frozen one stays bit for bit",
          "[train][spottune]") {
  const TempFolder folder;
  RunFile run =
      tune_run(folder, {fmt::format("share.decisions={}", GENERATE("shared", "per-task"))});
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  const SafetensorsFile file(run.model.init);
  const auto before = bits_by_name(trainer, copy), tuned_before = bits_by_name(trainer, "");
  REQUIRE(before.size() > 60);
  for (const auto& [name, value] : before) {
    INFO(name);
    if (value.dtype() != DType::f32) continue;  // a counter: as fresh as its network
    CHECK(same_bits(value, file.load(name, DType::f32)));
    CHECK(same_bits(value, tuned_before.at(name)));
  }
  while (trainer.step()) {
  }
  const auto after = bits_by_name(trainer, copy), tuned_after = bits_by_name(trainer, "");
  size_t moved = 0;
  for (const auto& [name, value] : after) {
    INFO(name);
    CHECK(same_bits(value, before.at(name)));
    moved += !same_bits(value, tuned_after.at(name));
  }
  CHECK(moved == after.size());
  CHECK_FALSE(same_bits(tuned_after.at("sharing.policy.fc.weight"),
                        tuned_before.at("sharing.policy.fc.weight")));
}

TEST_CASE("spottune: what another run has tuned is what both copies start from",
          "[train][init][spottune]") {
  const TempFolder folder;
  RunFile run = tune_run(folder);
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Trainer first(run, *data, &cpu);
  while (first.step()) {
  }
  RunFile again = run;
  again.model.init = folder.file("tuned.safetensors");
  save(first.model().store(), again.model.init);
  Trainer second(again, *data, &cpu);
  const auto tuned = bits_by_name(first, "");
  for (const auto& [name, value] : bits_by_name(second, copy))
    if (value.dtype() == DType::f32) CHECK(same_bits(value, tuned.at(name)));
  const RunFile hard = test::rooms_run({"sharing=hard"});  // the tuned trunk is a trunk like any
  const auto model = make_model(&cpu, hard);
  CHECK(load_pretrained(again.model, *model).tensors == 100);
}

TEST_CASE("spottune: killed and resumed, and on 7 threads, the same bits",
          "[train][resume][determinism][spottune]") {
  const TempFolder folder;
  RunFile run =
      tune_run(folder, {fmt::format("share.decisions={}", GENERATE("shared", "per-task"))});
  CpuContext one(1), seven(7);
  const auto data = open_dataset(run);
  test::check_killed_and_resumed(run, *data, test::device_of(one), test::device_of(seven), {1, 4});
}

TEST_CASE("spottune: what does not apply is refused by name", "[train][spottune]") {
  CpuContext cpu(1);
  const TempFolder folder;
  RunFile none = test::rooms_run({"sharing=spottune"});
  const auto data = open_dataset(none);
  CHECK(message_of<ConfigError>([&] { Trainer(none, *data, &cpu); })
            .find("'model.init' is not given, and sharing = \"spottune\" tunes a trunk that has "
                  "learned") != std::string::npos);
  CHECK(message_of<ConfigError>([] {
          test::rooms_run({"sharing=spottune", "model.init=a", "model.init_partial=true"});
        }).find("'model.init_partial' is true, but sharing = \"spottune\" keeps a frozen copy") !=
        std::string::npos);
  CHECK(message_of<ConfigError>([] {
          test::rooms_run({"sharing=spottune", "share.temperature=0"});
        }).find("'share.temperature'") != std::string::npos);
  CHECK(message_of<ConfigError>([] {
          test::rooms_run({"sharing=spottune", "share.bound=0.7"});
        }).find("means nothing for sharing = \"spottune\"; it belongs to blockdrop") !=
        std::string::npos);
  const auto model = make_model(&cpu, none);
  LearnedFromData learned;
  learned.height = learned.width = 33;
  CHECK(message_of<ConfigError>([&] {
          export_run(&cpu, *model, none, nullptr, learned, {});
        }).find("under sharing = \"spottune\" every input executes blocks of its own") !=
        std::string::npos);
}

TEST_CASE("spottune: the summary counts one copy of each block, and the policy network",
          "[train][spottune]") {
  const TempFolder folder;
  RunFile run = tune_run(folder);
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, test::device_of(cpu));
  const RunSummary s = trainer.summary(trainer.evaluate_split(EvalSplit::test));
  const ModelCost cost = trainer.model().cost(33, 33, nullptr);
  CHECK(s.trunk_gflop == Catch::Approx(2e-9 * static_cast<double>(cost.body().dense)));
  CHECK(s.trunk_gflop_spread == Catch::Approx(0).margin(1e-9));
  CHECK(s.trunk_parameters == cost.trunk_parameters + cost.sharing_parameters);
  CHECK(s.trunk_parameters_of_one > 1.9);
}

namespace {

/// One half of a transfer on rendered rooms, with two tasks of its own.
RunFile half(const std::vector<std::string>& kinds, const std::vector<std::string>& settings) {
  std::string text = R"(
[model]
width = 0.125
head = "linear"
[data]
kind = "scenes"
size = [32, 32]
batch = 4
val_count = 16
test_count = 2
workers = 0
[retrain]
steps = 150
optimizer = { lr = 2e-3, betas = [0.9, 0.999] }
[eval]
every = 100000
)";
  for (const std::string& kind : kinds)
    text += fmt::format("[[task]]\nname = \"{0}\"\nkind = \"{0}\"\n", kind);
  return parse_run_text(text, "half.toml", settings);
}

std::vector<double> validation_losses(RunFile run, const std::string& save_as = "") {
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  while (trainer.step()) {
  }
  if (!save_as.empty()) save(trainer.model().store(), save_as);
  std::vector<double> losses;
  for (const TaskResult& r : trainer.evaluate_split(EvalSplit::val))
    losses.push_back(r.loss.value());
  return losses;
}

}  // namespace

TEST_CASE("spottune learns what heads on a trunk that keeps its weights cannot",
          "[train][spottune]") {
  if (test::sanitized) WEFT_SKIP("other tests' few steps do all that these do");
  const TempFolder folder;
  const std::string init = folder.file("learned.safetensors");
  validation_losses(half({"depth", "edges"}, {"sharing=hard", "data.count=64"}), init);
  const auto with = [&](std::vector<std::string> settings) {
    settings.insert(settings.end(), {"model.init=" + init, "data.count=32", "data.seed=5"});
    return validation_losses(half({"normals", "keypoints"}, settings));
  };
  const auto frozen = with({"sharing=hard", "retrain.optimizer.trunk_lr=0"});
  const auto tuned = with({"sharing=spottune"});
  // Of normals: keypoints hardly learn anything from so few rooms, in any network.
  INFO("validation loss of normals: heads alone " << frozen[0] << ", spottune " << tuned[0]);
  CHECK(tuned[0] < 0.97 * frozen[0]);
}
