// ResNet's two forms: the parameter counts and feature map sizes of docs/method.md section 8,
// torchvision's names, and the gate identities p = [1, 0] (the plain network) and p = [0, 1].
#include "models/resnet.h"

#include "models/execute.h"
#include "models/residual_block.h"
#include "models/sharing/sharing.h"
#include "tests/support/catch.h"
#include "tests/support/op_check.h"
#include "tests/support/sanitized.h"

using namespace weft;

namespace {

int64_t trunk_parameters(const ResNetOptions& options) {
  CpuContext cpu;
  ParameterStore store(&cpu, DType::f32);
  make_resnet(store, "", options, 1);
  return store.count();
}

int64_t model_parameters(int depth, const std::vector<TaskShape>& tasks) {
  CpuContext cpu;
  ModelOptions options;
  options.sharing = Sharing::hard;
  options.trunk.depth = depth;
  options.tasks = tasks;
  return make_model(&cpu, DType::f32, options)->store().count();
}

}  // namespace

TEST_CASE("trunks have the published numbers of parameters", "[models]") {
  CHECK(trunk_parameters({.depth = 18, .deeplab = false}) == 11176512);
  if (test::sanitized) return;  // which draw random numbers no otherwise for the others
  CHECK(trunk_parameters({.depth = 34, .deeplab = false}) == 21284672);
  CHECK(trunk_parameters({.depth = 50, .deeplab = false}) == 23508032);
  CHECK(trunk_parameters({.depth = 101, .deeplab = false}) == 42500160);
  // Dilation adds no weights: the deeplab form differs in its shortcuts alone, and has them too.
  CHECK(trunk_parameters({.depth = 18}) == 11176512);
  CHECK(trunk_parameters({.depth = 34}) == 21284672);
}

TEST_CASE("the small stem: the published network for 32 x 32, every stride a fourth",
          "[models][small_stem]") {
  const ResNetOptions options{.depth = 18, .deeplab = false, .small_stem = true};
  // 11,173,962 and 0.56 G multiply-adds with CIFAR-10's last layer of 512 x 10 + 10.
  CHECK(trunk_parameters(options) + 5130 == 11173962);
  CpuContext cpu;
  ParameterStore store(&cpu, DType::f32);
  const auto trunk = make_resnet(store, "", options, 1);
  CHECK(trunk->cost(32, 32).out == Shape{4, 4, 512});
  const Macs macs = make_plan(all_selected(1, 8)).macs(trunk->cost(32, 32));
  CHECK(static_cast<double>(macs.dense + 5120) / 1e6 == Catch::Approx(555.4).margin(0.1));
  for (const TrunkStage& stage : trunk->stages())
    CHECK(stage.stride == 32 / trunk->cost(32, 32).maps[static_cast<size_t>(stage.end - 1)][0]);
}

TEST_CASE("whole networks have AdaShare's totals", "[models]") {
  if (test::sanitized) WEFT_SKIP("slim networks are made of the same parts");
  const auto millions = [](int64_t n) { return static_cast<double>(n) / 1e6; };
  CHECK(millions(model_parameters(18, {{"seg", 40}, {"normals", 3}})) ==
        Catch::Approx(57.51).margin(0.005));
  CHECK(millions(model_parameters(34, {{"seg", 40}, {"normals", 3}, {"depth", 1}})) ==
        Catch::Approx(90.70).margin(0.005));
  CHECK(millions(model_parameters(34, {{"seg", 19}, {"depth", 1}})) ==
        Catch::Approx(67.52).margin(0.005));
}

TEST_CASE("feature maps have the sizes of the official network", "[models]") {
  CpuContext cpu;
  ParameterStore store(&cpu, DType::f32);
  const auto trunk = make_resnet(store, "", {.depth = 18, .width = 0.1}, 1);
  const auto out = [&](int64_t h, int64_t w) { return trunk->cost(h, w).out; };
  CHECK(out(321, 321) == Shape{41, 41, 51});
  CHECK(out(224, 224) == Shape{29, 29, 51});
  CHECK(out(480, 640) == Shape{61, 81, 51});
  CHECK(out(256, 512) == Shape{33, 65, 51});
}

TEST_CASE("parameters bear torchvision's names", "[models]") {
  CpuContext cpu;
  ParameterStore store(&cpu, DType::f32);
  make_resnet(store, "", {.depth = 50, .deeplab = false, .width = 0.1}, 1);
  for (const char* name : {"conv1.weight", "bn1.bias", "layer1.0.conv3.weight",
                           "layer1.0.downsample.0.weight", "layer4.2.bn3.weight"})
    CHECK(store.find(name) != nullptr);
  CHECK(store.find("layer1.1.downsample.0.weight") == nullptr);
}

TEST_CASE("the trunk's cost is the arithmetic of docs/method.md", "[models]") {
  CpuContext cpu;
  ParameterStore store(&cpu, DType::f32);
  const auto trunk = make_resnet(store, "", {.depth = 18}, 1);
  const Macs macs = make_plan(all_selected(1, 8)).macs(trunk->cost(224, 224));
  CHECK(static_cast<double>(macs.dense) / 1e9 == Catch::Approx(9.86).margin(0.05));
  CHECK(macs.useful < macs.dense);
}

TEST_CASE("a block retains its maps before each norm, and a bit for each of the last ReLU's",
          "[models]") {
  for (const bool bottleneck : {false, true}) {
    CpuContext cpu;
    ParameterStore store(&cpu, DType::f32);
    const ResidualBlock block(
        store, "block", {.in = 16, .mid = 16, .out = 16, .bottleneck = bottleneck}, {.seed = 1});
    Tape tape(&cpu);
    Pass pass{tape, true, Noise{}};
    const Var x = tape.leaf(Tensor::full({2, 32, 32, 16}, 0.5));
    const size_t map = x.value().bytes(), before = host_memory().counters().live_bytes;
    const Var y = block.residual(pass, x, x);
    const size_t retained = host_memory().counters().live_bytes - before;
    const size_t maps = bottleneck ? 3 : 2;
    CHECK(retained >= (maps + 1) * map);            // y's own bytes are one more
    CHECK(retained <= (maps + 1) * map + map / 8);  // the bits, moments
  }
}

TEST_CASE("p = [1, 0] equals the plain network and p = [0, 1] its shortcuts, bit for bit",
          "[models]") {
  CpuContext cpu(2);
  ParameterStore store(&cpu, DType::f32);
  const auto trunk = make_resnet(store, "", {.depth = 18, .width = 0.1}, 1);
  const int blocks = trunk->blocks();
  std::vector<double> pixels(2 * 33 * 29 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = 0.01 * static_cast<double>(i % 97) - 0.4;
  const Tensor image = Tensor::from({2, 33, 29, 3}, pixels);
  const auto features = [&](double select, Gate::Kind kind) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, false, Noise{}};
    std::vector<double> p;
    for (int l = 0; l < blocks; ++l) p.insert(p.end(), {select, 1 - select});
    Gates gates = all_selected(1, blocks);
    for (Gate& g : gates[0]) g.kind = kind;
    const Var values = tape.constant(Tensor::from({blocks, 2}, p));
    return run_trunk(pass, *trunk, make_plan(gates), {values}, tape.constant(image))
        .stacked.value();
  };
  CHECK(same_bits(features(1, Gate::Kind::soft), features(1, Gate::Kind::select)));
  CHECK(same_bits(features(0, Gate::Kind::soft), features(0, Gate::Kind::skip)));
}
