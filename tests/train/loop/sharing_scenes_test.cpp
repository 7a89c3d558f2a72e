// Every way of sharing learns: on rendered rooms the mean loss of the last 50 training steps is
// under 0.7 of the first 50's, for each task and three seeds. Slim networks; a minute in all, so it
// is hidden from a plain run:   build/weft_tests "[sharing]"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/learned_trunk.h"
#include "tests/train/loop/learning.h"

using namespace weft;

namespace {

/// Of a router's function blocks each sees but a part of the pictures: more steps.
int retrain_steps(const std::string& sharing) { return sharing == "input_routing" ? 450 : 300; }

RunFile slim(const std::string& sharing, int seed) {
  return parse_run_text(R"(
name = "slim"
[model]
trunk = "resnet18"
width = 0.125
head = "linear"
[data]
kind = "scenes"
size = [32, 32]
batch = 4
count = 64
val_count = 4
test_count = 4
workers = 1
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "normals"
kind = "normals"
[[task]]
name = "depth"
kind = "depth"
[warmup]
steps = 60
optimizer = { lr = 2e-3, betas = [0.9, 0.999] }
[policy]
steps = 60
optimizer = { lr = 0.01 }
weight_steps = 5
logit_steps = 1
curriculum_speed = 1
draws = 2
[retrain]
schedule = { kind = "cosine" }
[eval]
every = 100000
[checkpoint]
every = 100000
)",
                        "slim.toml",
                        {"sharing=" + sharing, fmt::format("seed={}", seed),
                         fmt::format("retrain.steps={}", retrain_steps(sharing))});
}

}  // namespace

TEST_CASE("every way of sharing learns every task on scenes", "[.][slow][sharing]") {
  const std::string sharing = GENERATE(from_range(test::names_of(test::all_ways())));
  const int seed = GENERATE(1, 2, 3);
  RunFile run = slim(sharing, seed);
  const test::TempFolder folder;
  test::give_start(run, folder);
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  test::RetrainLosses losses;
  Trainer trainer(run, *data, &cpu, &losses);
  while (trainer.step()) {
  }
  const std::string line = test::check_learned(run, losses, retrain_steps(sharing),
                                               fmt::format("{}, seed {}", sharing, seed));
  std::printf("%-12s seed %d%s\n", sharing.c_str(), seed, line.c_str());
  std::fflush(stdout);
}
