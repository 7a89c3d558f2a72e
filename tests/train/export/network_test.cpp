// The exported network against the model that it was recorded from: numbers, work and what is left
// out; files there and back; memory that no two living values share.
#include <algorithm>

#include "io/safetensors.h"
#include "ops/softmax.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/export/cases.h"
#include "train/export/fold.h"
#include "train/export/memory_plan.h"
#include "train/export/network_file.h"
#include "train/export/run_network.h"

using namespace weft;
using namespace weft::test;

namespace {

int count(const ExportedNetwork& network, NodeKind kind) {
  return static_cast<int>(std::count_if(network.nodes.begin(), network.nodes.end(),
                                        [&](const ExportedNode& n) { return n.kind == kind; }));
}

bool has_layer(const ExportedNetwork& network, const std::string& prefix) {
  return std::any_of(network.nodes.begin(), network.nodes.end(),
                     [&](const ExportedNode& n) { return n.name.rfind(prefix, 0) == 0; });
}

}  // namespace

TEST_CASE("export: a network gives its model's outputs, in every way of sharing, trunk and head",
          "[export]") {
  for (const ExportCase& c : export_cases()) {
    INFO(c.name);
    RandomModel& random = random_model(c);
    const ExportedNetwork& network = random.exported();
    const Tensor x = random_inputs(c);
    const std::vector<Tensor> wanted = random.outputs(x);
    const std::vector<Tensor> found = run_network(random.context(), network, x);
    REQUIRE(wanted.size() == found.size());
    for (size_t k = 0; k < wanted.size(); ++k) CHECK(difference(wanted[k], found[k]) < 1e-5);
  }
}

TEST_CASE("export: what is written is what is read, bit for bit", "[export]") {
  const TempFolder folder;
  for (const ExportCase& c : export_cases()) {
    INFO(c.name);
    RandomModel& random = random_model(c);
    const ExportedNetwork& network = random.exported();
    write_network(folder.file("x.safetensors"), network, {"a note"});
    const ExportedNetwork again = read_network(folder.file("x.safetensors"));
    const Tensor x = random_inputs(c, 1);
    const auto a = run_network(random.context(), network, x);
    const auto b = run_network(random.context(), again, x);
    REQUIRE(again.outputs.size() == network.outputs.size());
    for (size_t k = 0; k < a.size(); ++k) {
      CHECK(again.outputs[k].task == network.outputs[k].task);
      CHECK(a[k].to_vector() == b[k].to_vector());
    }
    CHECK(cost_of(again).parameters == cost_of(network).parameters);
    CHECK(cost_of(again).macs == cost_of(network).macs);
  }
}

TEST_CASE("export: batch norm is folded, common work is there once, FLOPs are the plan's",
          "[export]") {
  RandomModel& hard = random_model(export_case("hard resnet18 aspp"));
  const ExportedNetwork& network = hard.exported();
  CHECK(count(network, NodeKind::affine) == 0);
  const ModelCost cost = hard.model().cost(33, 26, nullptr);
  CHECK(cost_of(network).macs == cost.body().dense + cost.heads.dense);
  // Batch norm's weight and bias [C] have become the convolution's bias [C].
  int64_t norms = 0;
  for (const NamedStats& s : hard.model().store().stats()) norms += s.stats.running_mean.numel();
  CHECK(cost_of(network).parameters == cost.body_parameters() + cost.head_parameters - norms);
}

TEST_CASE("export: blocks that nobody selects are gone, and tasks share what they have in common",
          "[export]") {
  RandomModel& random = random_model(export_case("adashare resnet18 aspp"));
  const ExportedNetwork& network = random.exported();
  CHECK_FALSE(has_layer(network, "layer1.1"));
  CHECK(has_layer(network, "layer1.0"));
  CHECK(count(network, NodeKind::weighted_sum) == 0);
  CHECK(count(network, NodeKind::concat) + count(network, NodeKind::slice) == 0);
  const ModelCost cost = random.model().cost(33, 26, random.gates());
  CHECK(cost_of(network).macs == cost.body().dense + cost.heads.dense);
  const ModelCost full = random.model().cost(33, 26, nullptr);
  CHECK(cost_of(network).parameters < full.body_parameters() + full.head_parameters);

  int64_t alone = 0;
  for (const ExportedOutput& out : network.outputs) {
    const ExportedNetwork one = only_tasks(network, {out.task});
    REQUIRE(one.outputs.size() == 1);
    alone += cost_of(one).macs;
    CHECK(cost_of(one).macs < cost_of(network).macs);
    const Tensor x = random_inputs(export_case("adashare resnet18 aspp"), 1);
    const auto all = run_network(random.context(), network, x);
    const auto at = static_cast<size_t>(&out - network.outputs.data());
    CHECK(run_network(random.context(), one, x)[0].to_vector() == all[at].to_vector());
  }
  CHECK(alone > cost_of(network).macs);  // the stem at least is common
  CHECK_FALSE(has_layer(only_tasks(network, {"depth"}), "heads.seg"));
}

TEST_CASE("export: under batch norm of each task's own a convolution's weights are there once",
          "[export]") {
  RandomModel& random = random_model(export_case("hard resnet18 own statistics"));
  const ExportedNetwork& network = random.exported();
  const ModelCost cost = random.model().cost(33, 26, nullptr);
  // Instead of a weight and bias [C] for all, a scale and shift [C] for each of three tasks.
  int64_t channels = 0;
  const Model& model = random.model();
  for (const NamedStats& s : model.store().stats()) channels += s.stats.running_mean.numel();
  CHECK(cost_of(network).parameters ==
        cost.body_parameters() + cost.head_parameters + 2 * channels - 2 * channels / 3);
  const ExportedNetwork seg = only_tasks(network, {"seg"});
  CHECK(count(seg, NodeKind::affine) == 0);  // now each folds
  const Tensor x = random_inputs(export_case("hard resnet18 own statistics"), 1);
  CHECK(difference(random.outputs(x)[0], run_network(random.context(), seg, x)[0]) < 1e-5);
}

TEST_CASE("export: no two values that are needed share memory", "[export]") {
  for (const ExportCase& c : export_cases()) {
    INFO(c.name);
    const ExportedNetwork& network = random_model(c).exported();
    const MemoryPlan plan = plan_memory(network);
    const size_t count = network.nodes.size();
    std::vector<size_t> last(count);
    int64_t all = 0, most = 0;
    for (size_t i = 0; i < count; ++i) {
      for (int input : network.nodes[i].inputs) last[static_cast<size_t>(input)] = i;
      if (i > 0) all += network.nodes[i].shape.numel();
      most = std::max(most, i > 0 ? network.nodes[i].shape.numel() : 0);
    }
    for (const ExportedOutput& out : network.outputs) last[static_cast<size_t>(out.node)] = count;
    for (size_t b = 1; b < count; ++b)
      for (size_t a = 1; a < b; ++a) {
        const int64_t a_end = plan.offset[a] + network.nodes[a].shape.numel();
        const int64_t b_end = plan.offset[b] + network.nodes[b].shape.numel();
        if (plan.offset[a] >= b_end || plan.offset[b] >= a_end) continue;
        // b is written where a lay: nobody reads a afterwards, and b itself only where elements
        // of both lie in one place.
        const bool reads = last[a] == b;
        CHECK((last[a] < b || (reads && plan.offset[a] == plan.offset[b] && a_end == b_end)));
      }
    CHECK(plan.floats >= most);
    CHECK(plan.floats < all);
    CHECK(plan.offset[0] == -1);
  }
}

TEST_CASE("export: what cannot be exported is named", "[export]") {
  CpuContext cpu(1);
  const auto refused = [&](auto&& f) {
    return message_of<ConfigError>([&] {
      export_network(&cpu, DType::f32, {1, 1, 4}, {"a"}, [&](Pass& pass, const Var& x) {
        const LayerScope scope("layer3.fc");
        return std::vector<Var>{f(pass, x)};
      });
    });
  };
  CHECK(refused([](Pass&, const Var& x) { return softmax(x); }) ==
        "export: layer3.fc (softmax): an exported network has no node for this op");
  CHECK_THAT(refused([](Pass& pass, const Var&) {
               return pass.tape.constant(Tensor::zeros({1, 1, 1, 2}));
             }),
             contains_text("the output of task 'a' does not depend on the input"));

  RandomModel& random = random_model(export_case("hard mlp relu batch"));
  const ExportedNetwork& network = random.exported();
  CHECK(message_of<ConfigError>([&] {
          only_tasks(network, {"seg", "sge"});
        }) == "export: there is no task 'sge'; the network has seg, depth, two words");
  CHECK(message_of<ConfigError>([&] {
          only_tasks(network, {"seg", "seg"});
        }) == "export: task 'seg' is named twice");
  CHECK(message_of<ShapeError>([&] {
          run_network(random.context(), network, Tensor::zeros({1, 1, 1, 4}));
        }) == "run_network: the input is [1, 1, 1, 4], the network's [N, 1, 1, 5]");
}

TEST_CASE("export: a file that is no network, or a damaged one, is refused with its place",
          "[export]") {
  const TempFolder folder;
  const std::string path = folder.file("x.safetensors");
  const auto message = [&](const std::string& graph) {
    write_safetensors(path, {{"w", Tensor::from({1, 2}, {1, 2})}}, {{"graph", graph}});
    return message_of<DataError>([&] { read_network(path); });
  };
  const std::string input = R"({"op":"input","name":"i","inputs":[],"shape":[1,1,2]})";
  const auto graph = [&](const std::string& node) {
    return R"({"version":1,"nodes":[)" + input + "," + node + R"(],"outputs":[]})";
  };
  CHECK(message(graph(R"({"op":"linear","name":"l","inputs":[0],"shape":[1,1,1],"weights":["w"]})"))
            .empty());
  CHECK_THAT(message("{"), contains_text("x.safetensors: graph"));
  CHECK_THAT(message(R"({"version":2,"nodes":[],"outputs":[]})"), contains_text("version"));
  CHECK_THAT(message(R"({"version":1,"nodes":[],"outputs":[]})"), contains_text("no input"));
  CHECK_THAT(message(graph(input)), contains_text("the first node, and no other, is the input"));
  CHECK_THAT(message(graph(R"({"op":"relu","name":"r","inputs":[1],"shape":[1,1,2]})")),
             contains_text("inputs"));
  CHECK_THAT(message(graph(R"({"op":"relu","name":"r","inputs":[0,0],"shape":[1,1,2]})")),
             contains_text("'relu' with 2 inputs"));
  CHECK_THAT(message(graph(R"({"op":"lstm","name":"r","inputs":[0],"shape":[1,1,2]})")),
             contains_text("there is no 'lstm'"));
  CHECK_THAT(
      message(graph(R"({"op":"linear","name":"l","inputs":[0],"shape":[1,1,1],"weights":["v"]})")),
      contains_text("'v'"));
  write_safetensors(path, {}, {});
  CHECK_THAT(message_of<DataError>([&] { read_network(path); }), contains_text("no metadata"));
}
