// The five configurations of AdaShare's code that weft ships, in runs/, have its values
// (ADASHARE.md sections 3 and 4), each told in one line.
#include <fmt/format.h>

#include <array>
#include <map>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "train/run_file.h"

using namespace weft;

namespace {

std::string told(const PhaseSpec& phase) {
  const OptimizerSpec& o = phase.optimizer;
  const std::string kind = o.kind == OptimizerKind::adam
                               ? fmt::format("adam {:g} {:g}", o.betas[0], o.betas[1])
                               : fmt::format("sgd {:g}", o.momentum);
  const std::string decay =
      phase.schedule.kind == ScheduleKind::step
          ? fmt::format(", x{:g} every {}", phase.schedule.factor, phase.schedule.every)
          : "";
  return fmt::format("{} steps, {}, heads {:g}, trunk {:g}, decay {:g}{}", phase.steps, kind, o.lr,
                     *o.trunk_lr, o.weight_decay, decay);
}

std::string told(const RunFile& run) {
  std::string tasks;
  for (const TaskSpec& task : run.tasks) tasks += fmt::format(" {} {:g}", task.name, task.weight);
  const PolicySpec& p = run.policy;
  return fmt::format(
      "{} {} {}, {} inputs, bn {}, crop {}, batch {}, eval {}, from {}; tau {:g} {:g}, "
      "speed {}, logits {:g} {:g};{}",
      run.model.trunk, run.model.form, run.model.head, run.data.inputs, run.model.bn_affine,
      run.data.augment.crop[0], run.data.batch, run.eval.every, p.from, p.temperature, p.decay,
      p.curriculum_speed, p.logits.lr, p.logits.weight_decay, tasks);
}

}  // namespace

TEST_CASE("the paper's configurations have the paper's values", "[run_file]") {
  const std::map<std::string, std::array<std::string, 4>> papers = {
      {"nyu_v2_2task",
       {"resnet18 deeplab aspp, shared inputs, bn shared, crop 321, batch 16, eval 400, from "
        "best; "
        "tau 5 0.965, speed 3, logits 0.01 0.0005; seg 1 normals 20",
        "4000 steps, adam 0.5 0.999, heads 0.001, trunk 0.001, decay 0.0001, x0.5 every 4000",
        "16000 steps, sgd 0.9, heads 0.001, trunk 0.001, decay 0.0001",
        "20000 steps, adam 0.5 0.999, heads 0.001, trunk 0.001, decay 0.0001, x0.5 every 4000"}},
      {"nyu_v2_3task",
       {"resnet34 deeplab aspp, shared inputs, bn shared, crop 321, batch 16, eval 400, from "
        "best; "
        "tau 5 0.965, speed 3, logits 0.01 0.0005; seg 1 normals 20 depth 3",
        "4000 steps, adam 0.5 0.999, heads 0.001, trunk 0.001, decay 0.0001, x0.5 every 4000",
        "16000 steps, sgd 0.9, heads 0.001, trunk 0.001, decay 0.0001",
        "20000 steps, adam 0.5 0.999, heads 0.001, trunk 0.001, decay 0.0001, x0.5 every 4000"}},
      {"cityscapes_2task",
       {"resnet34 deeplab aspp, shared inputs, bn shared, crop 224, batch 16, eval 400, from "
        "last; "
        "tau 5 0.965, speed 3, logits 0.01 0.0005; seg 1 depth 20",
        "4000 steps, adam 0.5 0.999, heads 0.0001, trunk 0.001, decay 0.0001, x0.5 every 4000",
        "16000 steps, sgd 0.9, heads 0.0001, trunk 0.001, decay 0.0001",
        "20000 steps, adam 0.5 0.999, heads 0.0001, trunk 0.001, decay 0.0001, x0.5 every 4000"}},
      {"taskonomy_5task",
       {"resnet34 deeplab aspp, shared inputs, bn shared, crop 224, batch 16, eval 1000, from "
        "best; "
        "tau 5 0.965, speed 1, logits 0.01 0.0005; seg 1 normals 3 depth 2 keypoints 7 edges 7",
        "20000 steps, adam 0.5 0.999, heads 0.0001, trunk 0.0001, decay 0.0001, x0.3 every 12000",
        "80000 steps, sgd 0.9, heads 0.0001, trunk 0.0001, decay 0.0001",
        "30000 steps, adam 0.5 0.999, heads 0.0001, trunk 0.0001, decay 0.0001, x0.3 every 12000"}},
      {"domainnet_6domains",
       {"resnet34 plain linear, per-task inputs, bn per-task, crop 224, batch 32, eval 400, from "
        "best; tau 5 0.965, speed 1, logits 0.01 0.0005; real 1 painting 1 quickdraw 1 clipart 1 "
        "infograph 1 sketch 1",
        "4000 steps, adam 0.5 0.999, heads 0.001, trunk 1e-05, decay 0.0001, x0.3 every 2000",
        "16000 steps, adam 0.5 0.999, heads 0.001, trunk 1e-05, decay 0.0001, x0.3 every 2000",
        "20000 steps, adam 0.5 0.999, heads 0.001, trunk 1e-05, decay 0.0001, x0.3 every 2000"}}};
  for (const auto& [name, paper] : papers) {
    INFO(name);
    const RunFile run = parse_run_file(source_dir() + "/runs/" + name + ".toml");
    CHECK(told(run) == paper[0]);
    CHECK(told(run.warmup) == paper[1]);
    CHECK(told(run.policy) == paper[2]);
    CHECK(told(run.retrain) == paper[3]);
    CHECK((run.warmup.steps + run.policy.steps) % 20000 == 0);
  }
}
