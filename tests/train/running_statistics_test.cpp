// model.bn.running where nobody set it: in sound, each task's own wherever tasks' features differ
// at one batch norm, so that what is tested is what was trained; in compat shared, as the official
// code.
#include <set>

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/train/temp_folder.h"
#include "train/build.h"
#include "train/step.h"

using namespace weft;
using namespace weft::test;

namespace {

RunFile run_of(const std::vector<std::string>& overrides) {
  return parse_run_text(R"(
name = "running"
[model]
trunk = "resnet18"
width = 0.0625
head = "linear"
[data]
kind = "scenes"
size = [33, 33]
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "depth"
kind = "depth"
)",
                        "running.toml", overrides);
}

std::string running(const std::vector<std::string>& overrides) {
  return run_of(overrides).model.bn_running;
}

}  // namespace

TEST_CASE("running statistics are each task's own wherever tasks' features differ",
          "[train][run_file]") {
  CHECK(running({}) == "per-task");
  CHECK(running({"sharing=mtan"}) == "per-task");
  CHECK(running({"sharing=hard"}) == "shared");  // one value for all tasks
  CHECK(running({"sharing=hard", "data.inputs=per-task"}) == "per-task");
  for (const char* way : {"single", "soft", "cross_stitch", "sluice", "nddr"})
    CHECK(running({std::string("sharing=") + way}) == "shared");  // trunks of their own
  CHECK(running({"sharing=hard", "model.trunk=vgg16", "data.inputs=per-task"}) == "shared");
  for (const char* way : {"adashare", "hard", "mtan"})
    CHECK(running({std::string("sharing=") + way, "semantics=compat"}) == "shared");
  // What is set is kept, and what was found is written down.
  CHECK(running({"model.bn.running=shared"}) == "shared");
  CHECK(running({"sharing=hard", "model.bn.running=per-task"}) == "per-task");
  CHECK(running({"sharing=hard", "model.bn.affine=per-task"}) == "per-task");
  const RunFile again = parse_run_text(print_run_file(run_of({})), "run.toml", {});
  CHECK(again.model.bn_running == "per-task");
  CHECK(again.places.count("model.bn.running") == 1);
}

TEST_CASE("mtan: what tasks share keeps running statistics for each of them", "[train][ways]") {
  for (const bool own : {true, false}) {
    const RunFile run = run_of({"sharing=mtan", own ? "seed=1" : "model.bn.running=shared"});
    CpuContext cpu(1);
    const auto model = make_model(&cpu, run);
    Tape tape(&cpu);
    Pass pass{tape, true, Noise{}};
    std::vector<double> pixels;
    for (int i = 0; i < 2 * 33 * 33 * 3; ++i) pixels.push_back(std::sin(0.7 * i));
    model->forward(pass, tape.constant(Tensor::from({2, 33, 33, 3}, pixels)), nullptr);
    std::set<std::vector<double>> means;
    for (const NamedStats& s : model->store().stats()) {
      if (s.name.rfind("sharing.next.stage1.bn1", 0) != 0) continue;
      INFO(s.name);
      CHECK(s.stats.num_batches_tracked == (own ? 1 : 2));
      means.insert(s.stats.running_mean.to_vector());
    }
    CHECK(means.size() == (own ? 2 : 1));
  }
}

TEST_CASE("images of each task's own say whose they are", "[run_file]") {
  for (const char* kind : {"csv", "tabular"}) {
    std::vector<std::string> overrides{std::string("data.kind=") + kind, "data.root=here",
                                       "data.inputs=per-task", "data.size=[0, 0]"};
    if (std::string(kind) == "tabular")
      overrides.insert(overrides.end(), {"model.trunk=mlp", "task.depth.kind=regression",
                                         "task.seg.kind=classification"});
    CHECK_THAT(message_of<ConfigError>([&] { run_of(overrides); }),
               contains_text("data.task_column"));
    overrides.push_back("data.task_column=whose");
    CHECK(run_of(overrides).data.inputs == "per-task");
  }
}
