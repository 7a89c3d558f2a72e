// A batch with none of a task's labels leaves that task's own parameters untouched, momentum and
// decay included, whatever the way of sharing; what tasks hold in common goes on learning.
#include <functional>

#include "engine/glob.h"
#include "models/execute.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/learned_trunk.h"
#include "tests/support/op_check.h"
#include "tests/support/rooms_run.h"
#include "tests/train/run_folder/kept.h"
#include "train/loop/trainer.h"

using namespace weft;

namespace {

RunFile slim(const std::string& sharing) {
  std::vector<std::string> overrides{"sharing=" + sharing};
  if (sharing == "soft") overrides.push_back("share.layers=[\"layer4\"]");
  if (test::row_of(from_word<Sharing>("sharing", sharing)).at_once)
    for (const char* setting : {"estimator=gumbel", "full_steps=0", "policy_steps=0"})
      overrides.push_back(std::string("share.") + setting);
  return test::rooms_run({"data.size=[33, 41]", "data.count=16", "warmup.steps=0",
                          "warmup.optimizer={ weight_decay = 0.01 }", "policy.steps=0",
                          "retrain.steps=10", "eval.every=100"},
                         overrides);
}

bool begins(const std::string& name, const std::string& with) { return name.rfind(with, 0) == 0; }

/// True for what is depth's alone: only depth's loss, if any, reaches it.
bool own_of_depth(const std::string& sharing, const std::string& name) {
  return begins(name, "heads.depth.") ||
         test::row_of(from_word<Sharing>("sharing", sharing)).of_depth_alone(name);
}

}  // namespace

TEST_CASE("a batch without a task's labels leaves what is the task's own as it is",
          "[train][ways]") {
  const std::string sharing = GENERATE(from_range(test::names_of(test::all_ways())));
  INFO(sharing);
  RunFile run = slim(sharing);
  const test::TempFolder folder;
  test::give_start(run, folder);
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  if (const Policy* policy = trainer.model().policy()) {
    // Everybody executes everything, or has function blocks of its own.
    const auto blocks = static_cast<size_t>(policy->blocks());
    const bool routes = policy->least() == 1;
    trainer.set_policy({{std::vector<int>(blocks, routes ? 1 : policy->most()),
                         std::vector<int>(blocks, policy->most())}});
  }
  trainer.step();  // now there are moments that could move on
  const Optimizer& optimizer = *trainer.optimizers()[0];
  std::map<std::string, Kept> before;
  for (const Parameter& p : trainer.model().store().parameters())
    before.emplace(p.name, keep(p, optimizer));

  Loader loader(*data, trainer.parts().train, train_loader_options(run, *data, "missing", 0));
  Batch batch = loader.next();
  const Shape shape = batch.targets[1].shape();
  batch.targets[1] =
      Tensor::from(shape, std::vector<double>(static_cast<size_t>(shape.numel()), std::nan("")));
  trainer.set_next_batch(std::move(batch));
  trainer.step();

  int own = 0, common = 0;
  for (const Parameter& p : trainer.model().store().parameters()) {
    if (trainer.model().store().part_of(p) == Part::policy ||
        matches(test::row_of(from_word<Sharing>("sharing", sharing)).unreached, p.name))
      continue;
    INFO(p.name);
    const bool untouched = same(before.at(p.name), keep(p, optimizer));
    CHECK(untouched == own_of_depth(sharing, p.name));
    ++(untouched ? own : common);
  }
  CHECK(own > 0);
  CHECK(common > 0);
}

TEST_CASE("stitches learn at lr times share.lr_factor, everything once", "[train][ways]") {
  RunFile run = slim("sluice");
  run.share.lr_factor = 20;
  run.retrain.optimizer.lr = 0.5;
  run.retrain.optimizer.trunk_lr = 0.25;
  CpuContext cpu;
  const auto model = make_model(&cpu, run);
  const auto optimizer = make_optimizer(&cpu, *model, run, Phase::retrain);
  size_t count = 0;
  for (const ParameterGroup& group : optimizer->groups())
    for (const Parameter* p : group.parameters) {
      INFO(p->name);
      CHECK(group.lr == (begins(p->name, "sharing.stitch.") ? 10.0
                         : begins(p->name, "trunks.")       ? 0.25
                                                            : 0.5));
      ++count;
    }
  CHECK(count == model->store().parameters().size());
}
