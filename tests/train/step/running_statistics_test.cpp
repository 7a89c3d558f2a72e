// model.bn.running where nobody set it: in sound, each task's own wherever tasks' features differ
// at one batch norm, so that what is tested is what was trained; in compat shared, as the official
// code.
#include <set>

#include "engine/error.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/temp_folder.h"
#include "train/step/build.h"
#include "train/step/step.h"

using namespace weft;
using namespace weft::test;

namespace {

RunFile run_of(const std::vector<std::string>& overrides) { return test::rooms_run(overrides); }

std::string running(const std::vector<std::string>& overrides) {
  return name_of(run_of(overrides).model.bn_running);
}

}  // namespace

TEST_CASE("running statistics are each task's own wherever tasks' features differ",
          "[train][run_file]") {
  CHECK(running({}) == "per-task");
  CHECK(running({"sharing=mtan"}) == "per-task");
  CHECK(running({"sharing=hard"}) == "shared");  // one value for all tasks
  CHECK(running({"sharing=hard", "data.inputs=per-task"}) == "per-task");
  for (const std::string& way :
       test::names_of(ways_where([](const WayOfSharing& w) { return w.trunks.shared == 0; })))
    CHECK(running({"sharing=" + way}) == "shared");  // trunks of their own
  CHECK(running({"sharing=hard", "model.trunk=vgg16", "data.inputs=per-task"}) == "shared");
  for (const std::string& way :
       test::names_of(ways_where([](const WayOfSharing& w) { return !w.levels; })))
    CHECK(running({"sharing=" + way, "semantics=compat"}) == "shared");
  // What is set is kept, and what was found is written down.
  CHECK(running({"model.bn.running=shared"}) == "shared");
  CHECK(running({"sharing=hard", "model.bn.running=per-task"}) == "per-task");
  CHECK(running({"sharing=hard", "model.bn.affine=per-task"}) == "per-task");
  const RunFile again = parse_run_text(print_run_file(run_of({})), "run.toml", {});
  CHECK(again.model.bn_running == Whose::per_task);
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
    CHECK(run_of(overrides).data.inputs == Whose::per_task);
  }
}

TEST_CASE("evaluation runs once what tasks have in common as long as their statistics are the same",
          "[train][ways]") {
  const RunFile run = run_of({"precision=f64"});
  CpuContext cpu(1);
  const auto model = make_model(&cpu, run);
  std::vector<double> pixels;
  for (int i = 0; i < 2 * 33 * 33 * 3; ++i) pixels.push_back(std::sin(0.7 * i));
  const Tensor images = Tensor::from({2, 33, 33, 3}, pixels, DType::f64);
  PolicySample chosen;  // the first two blocks in common, the third not
  chosen.gates = gates_from({{1, 1, 1, 0, 1, 1, 0, 1}, {1, 1, 0, 1, 1, 1, 1, 1}});
  const auto forward = [&](bool training) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, training, Noise{}};
    std::vector<std::vector<double>> out;
    for (const Var& y : model->forward(pass, tape.constant(images), &chosen))
      out.push_back(y.value().to_vector());
    return out;
  };
  for (int step = 0; step < 3; ++step) forward(true);
  const auto groups = [&](size_t l) {
    return model->shared_plan(&chosen.gates, false).blocks[l].in.size();
  };
  const int64_t once = model->cost(33, 33, &chosen.gates).trunk.dense;
  CHECK(groups(0) == 1);
  CHECK(groups(1) == 1);
  CHECK(groups(2) == 2);  // one executes it, so that its statistics are no longer the other's
  const auto together = forward(false);

  // A set of the stem's that differs by next to nothing sends every task its own way.
  for (NamedStats& s : model->store().stats())
    if (s.name == "bn1.depth") s.stats.running_mean.data<double>()[0] += 1e-14;
  CHECK(groups(0) == 2);
  CHECK(model->cost(33, 33, &chosen.gates).trunk.dense > once);
  const auto apart = forward(false);
  for (size_t k = 0; k < apart.size(); ++k)
    for (size_t i = 0; i < apart[k].size(); ++i)
      CHECK(std::abs(apart[k][i] - together[k][i]) <= 1e-11 * (1 + std::abs(apart[k][i])));
}
