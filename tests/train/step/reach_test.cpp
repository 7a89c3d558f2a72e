// No label means no gradient, not a gradient of zero: the parameters with a gradient after a step
// are those that K separate passes, one for each task with labels and a weight, would have reached;
// in every way of sharing and phase, for random sets of labels, and over a hundred batches.
#include <set>

#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/domain_set.h"
#include "tests/support/op_check.h"
#include "tests/train/run_folder/kept.h"
#include "train/loop/trainer.h"

using namespace weft;
using namespace weft::test;

namespace {

RunFile table_free(const std::string& sharing, const std::vector<std::string>& more = {}) {
  std::vector<std::string> overrides{"sharing=" + sharing};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return parse_run_text(R"(
name = "reach"
seed = 3
precision = "f64"
[model]
trunk = "resnet18"
width = 0.0625
head = "linear"
[data]
kind = "scenes"
size = [33, 33]
batch = 1
count = 8
val_count = 1
test_count = 1
workers = 0
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "depth"
kind = "depth"
[[task]]
name = "edges"
kind = "edges"
[warmup]
steps = 1
optimizer = { weight_decay = 0.01 }
[policy]
steps = 1
[retrain]
steps = 1
)",
                        "reach.toml", overrides);
}

Tensor without_labels(const Tensor& target) {
  return Tensor::from(target.shape(),
                      std::vector<double>(static_cast<size_t>(target.numel()), std::nan("")));
}

/// What a step is made of, but for its labels.
struct Setting {
  RunFile run;
  Phase phase;
  const Batch& batch;
  const BinaryPolicy* chosen;
};

/// Names of the parameters with a gradient after one step in which `learning` tasks have labels.
std::set<std::string> reached(const Setting& at, const std::vector<bool>& learning,
                              const std::vector<size_t>& tasks, bool regularisers) {
  RunFile run = at.run;
  StepInputs in;
  in.phase = at.phase;
  in.seed = 3;
  in.step = 5;
  in.temperature = 1;
  in.active = 6;
  run.tasks.clear();
  BinaryPolicy chosen;
  for (size_t k : tasks) {
    run.tasks.push_back(at.run.tasks[k]);
    in.targets.push_back(learning[k] ? at.batch.targets[k] : without_labels(at.batch.targets[k]));
    if (at.chosen != nullptr) chosen.select.push_back(at.chosen->select[k]);
  }
  if (at.chosen != nullptr) in.chosen = &chosen;
  if (!regularisers) {
    run.share.weight = run.share.orthogonality = 0;
    run.policy.sparsity = run.policy.sharing = 0;
  }
  CpuContext cpu(1);
  const auto model = make_model(&cpu, run);
  set_trainable(*model, at.phase);
  Tape tape(&cpu);
  Tensor images = at.batch.images;
  if (run.data.inputs == Whose::per_task) {
    const int64_t rows = images.shape()[0] / static_cast<int64_t>(at.run.tasks.size());
    if (tasks.size() == 1) images = images.rows(static_cast<int64_t>(tasks[0]) * rows, rows);
  }
  in.images = upload_images(tape, images, *model, run);
  const StepOutputs out = compute_step(tape, *model, run, in);
  if (out.total) tape.backward(*out.total);
  std::set<std::string> names;
  for (const Parameter& p : model->store().parameters())
    if (p.grad.defined()) names.insert(p.name);
  return names;
}

/// By K separate passes: a network of one task for every task that learns. Ways that mix tasks'
/// features read the others', whose labels are then left out of the loss alone.
std::set<std::string> naive(const Setting& at, const std::vector<bool>& learning) {
  const bool mixes = test::row_of(at.run.sharing).mixes;
  std::set<std::string> names;
  std::vector<size_t> all;
  for (size_t k = 0; k < learning.size(); ++k) all.push_back(k);
  for (size_t k = 0; k < learning.size(); ++k) {
    if (!learning[k]) continue;
    std::vector<bool> alone(learning.size());
    alone[k] = true;
    names.merge(reached(at, alone, mixes ? all : std::vector<size_t>{k}, false));
  }
  return names;
}

bool bit(uint64_t word, size_t k) { return ((word >> k) & 1) != 0; }

/// For every set of labels, or for two of them (`few`).
void check_label_sets(RunFile run, Phase phase, bool few = false) {
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Loader loader(*data, make_parts(*data).train, train_loader_options(run, *data, "train", 0));
  const Batch batch = loader.next();
  const auto blocks = static_cast<size_t>(make_model(&cpu, run)->trunk().blocks());
  const Philox words(17, Stream::policy, static_cast<uint32_t>(phase), name_of(run.sharing));
  const size_t tasks = run.tasks.size();
  const uint64_t sets = uint64_t{1} << tasks;
  for (uint64_t i = 1; i < (few ? 3 : sets); ++i) {
    const uint64_t set = few ? 1 + words.below(1000 + i, sets - 1) : i;
    BinaryPolicy chosen;
    for (size_t k = 0; k < tasks; ++k) {
      auto& row = chosen.select.emplace_back();
      for (size_t l = 0; l < blocks; ++l)
        row.push_back(static_cast<int>(words.below(100 * set + 10 * k + l, 2)));
    }
    const bool with_policy = run.sharing == Sharing::adashare && phase == Phase::retrain;
    Setting at{run, phase, batch, with_policy ? &chosen : nullptr};
    std::vector<bool> learning;
    for (size_t k = 0; k < tasks; ++k) learning.push_back(bit(set, k));
    INFO(name_of(run.sharing) << " " << name_of(phase) << ", labels " << set);
    std::vector<size_t> all;
    for (size_t k = 0; k < tasks; ++k) all.push_back(k);
    const auto expected = naive(at, learning);
    CHECK(reached(at, learning, all, false) == expected);
    // A task of weight 0 is one without labels.
    for (size_t k = 0; k < tasks; ++k)
      if (!learning[k]) at.run.tasks[k].weight = 0;
    CHECK(reached(at, std::vector<bool>(tasks, true), all, false) == expected);
  }
}

}  // namespace

TEST_CASE("labels reach the parameters that separate passes reach, in every way of sharing",
          "[train][reach]") {
  const std::string sharing = GENERATE(
      from_range(test::names_of(ways_where([](const WayOfSharing& way) { return !way.policy; }))));
  check_label_sets(table_free(sharing), Phase::retrain);
}

TEST_CASE("labels reach the parameters that separate passes reach, in every phase of adashare",
          "[train][reach]") {
  const Phase phase = GENERATE(Phase::warmup, Phase::weights, Phase::policy, Phase::retrain);
  const std::string semantics = GENERATE("sound", "compat");
  const std::string hard = GENERATE("true", "false");
  check_label_sets(table_free("adashare", {"semantics=" + semantics, "policy.hard=" + hard}),
                   phase);
}

TEST_CASE(
    "labels reach the parameters that separate passes reach where images and batch norm are "
    "the tasks' own",
    "[train][reach]") {
  TempFolder folder;
  write_domains(folder);
  for (const char* bn :
       {R"({running="shared", affine="shared"})", R"({running="per-task", affine="shared"})",
        R"({running="per-task", affine="per-task"})"}) {
    INFO(bn);
    const std::vector<std::string> more{std::string("model.bn=") + bn, "model.width=0.02"};
    for (const char* sharing : {"single", "hard", "soft"}) {
      auto settings = more;
      settings.push_back(std::string("sharing=") + sharing);
      check_label_sets(domain_run(folder, settings), Phase::retrain, /*few=*/true);
    }
    for (Phase phase : {Phase::warmup, Phase::weights, Phase::policy, Phase::retrain})
      check_label_sets(domain_run(folder, more), phase, /*few=*/true);
  }
}

TEST_CASE("a regulariser reaches what it names, whoever has labels", "[train][reach]") {
  const auto names = [](RunFile run, Phase phase, const std::vector<bool>& learning) {
    const auto data = open_dataset(run);
    Loader loader(*data, make_parts(*data).train, train_loader_options(run, *data, "train", 0));
    const Batch batch = loader.next();
    return reached({run, phase, batch, nullptr}, learning, {0, 1, 2}, true);
  };
  const auto soft = names(table_free("soft", {"share.layers=[\"layer4\"]"}), Phase::retrain,
                          {true, false, false});
  CHECK(soft.count("trunks.depth.layer4.1.conv2.weight") == 1);
  CHECK(soft.count("trunks.depth.layer3.1.conv2.weight") == 0);
  const auto sluice = names(table_free("sluice"), Phase::retrain, {false, false, false});
  CHECK(sluice.count("trunks.depth.layer1.1.conv2.weight") == 1);
  CHECK(sluice.count("trunks.depth.layer1.1.conv1.weight") == 0);
  const auto logits = names(table_free("adashare"), Phase::policy, {false, false, false});
  CHECK(logits == std::set<std::string>{"policy.depth", "policy.edges", "policy.seg"});
}

TEST_CASE("a hundred batches without a rare task leave what it alone executes as it is",
          "[train][reach]") {
  const std::string kind = GENERATE("adam", "sgd");
  TempFolder folder;
  std::string rows = "a,b,c,often,rare\n";
  for (int i = 0; i < 40; ++i)
    rows += fmt::format("{},{},{},{},{}\n", i % 7, i % 5, i % 3, i % 2, i);
  write_file(folder.file("rows.csv"), rows);
  RunFile run =
      parse_run_text(R"(
name = "rare"
[model]
trunk = "mlp"
hidden = 8
head = "linear"
bn = { running = "per-task", affine = "per-task" }
[data]
kind = "tabular"
index = "rows.csv"
batch = 8
workers = 0
ratio = [0.1, 0.1]
[[task]]
name = "often"
kind = "binary"
[[task]]
name = "rare"
kind = "regression"
[warmup]
optimizer = { lr = 0.01, momentum = 0.9, weight_decay = 0.05 }
[retrain]
steps = 200
clip_norm = 0.5
[eval]
every = 1000
)",
                     "rare.toml", {"data.root=" + folder.path(), "warmup.optimizer.kind=" + kind});
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  trainer.set_policy({{{1, 0, 1, 1}, {1, 1, 1, 1}}});  // blocks.1 is the rare task's alone
  trainer.jump(Stage::retrain, 0);
  trainer.step();  // now there are moments that could move on
  const Optimizer& optimizer = *trainer.optimizers()[0];
  std::map<std::string, Kept> before;
  for (const Parameter& p : trainer.model().store().parameters())
    before.emplace(p.name, keep(p, optimizer));
  Loader loader(*data, trainer.parts().train, train_loader_options(run, *data, "rare", 0));
  for (int i = 0; i < 100; ++i) {
    Batch batch = loader.next();
    batch.targets[1] = without_labels(batch.targets[1]);
    trainer.set_next_batch(std::move(batch));
    trainer.step();
  }
  int kept = 0, moved = 0;
  for (const Parameter& p : trainer.model().store().parameters()) {
    if (trainer.model().store().part_of(p) == Part::policy) continue;
    INFO(kind << " " << p.name);
    const bool own = p.name.rfind("heads.rare.", 0) == 0 || p.name.rfind("blocks.1.", 0) == 0 ||
                     p.name.find(".rare.") != std::string::npos;
    const bool idle =
        p.name.rfind("blocks.1.", 0) == 0 && p.name.find(".often.") != std::string::npos;
    CHECK(same(before.at(p.name), keep(p, optimizer)) == own);
    CHECK((before.at(p.name).step == 0) == idle);
    ++(own ? kept : moved);
  }
  CHECK(kept > 15);
  CHECK(moved > 15);
}
