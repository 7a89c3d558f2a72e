// Errors out of a network name the layer and the op: shapes, dtypes, memory, numbers; going forward
// and backward, with and without the tape's own checks.
#include <cmath>

#include "models/policy.h"
#include "models/resnet.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;

namespace {

struct Network {
  CpuContext cpu{1};
  ParameterStore store{&cpu, DType::f32};
  std::unique_ptr<Trunk> trunk =
      make_resnet(store, "trunks.seg.", {.depth = 18, .deeplab = false, .width = 0.0625}, 1);

  Var run(Tape& tape, int64_t channels = 3) {
    Pass pass{tape, true, {}};
    const Tensor image = Tensor::full({1, 64, 64, channels}, 0.5);
    Var x = trunk->stem(pass, tape.constant(image));
    for (int l = 0; l < trunk->blocks(); ++l)
      x = trunk->residual(pass, l, x, trunk->shortcut(pass, l, x));
    return x;
  }
  void set(const std::string& name, double value) {
    const Tensor& to = store.find(name)->value;
    cpu.fill(to, value);
  }
};

}  // namespace

TEST_CASE("errors name the layer: shapes and dtypes", "[models][errors]") {
  Network net;
  Tape tape(&net.cpu);
  CHECK_THAT(message_of<ShapeError>([&] { net.run(tape, 1); }),
             contains_text("trunks.seg.conv1 (conv2d): weight expects 3 input channels, input has "
                           "1: input [1, 64, 64, 1], weight [4, 7, 7, 3] (models/layers.cpp:"));
  // A layer that was left by an exception is left.
  const Var two = tape.leaf(Tensor::zeros({2})), three = tape.leaf(Tensor::zeros({3}));
  CHECK_THAT(message_of<ShapeError>([&] { add(two, three); }),
             Catch::Matchers::StartsWith("add: "));
  Pass pass{tape, true, {}};
  const Linear linear(net.store, "heads.seg.fc", 3, 2, {});
  CHECK_THAT(message_of<ShapeError>([&] {
               linear(pass, tape.leaf(Tensor::zeros({1, 4})));
             }),
             Catch::Matchers::StartsWith("heads.seg.fc (linear): "));
  CHECK(message_of<ConfigError>([&] {
          linear(pass, tape.leaf(Tensor::empty({1, 3}, DType::bf16)));
        }) == "heads.seg.fc (linear): bf16 is not computed on cpu");
}

TEST_CASE("errors name the layer: numbers, forward and backward", "[models][errors]") {
  Network net;
  net.set("trunks.seg.layer3.1.conv2.weight", INFINITY);
  Tape tape(&net.cpu);
  tape.check_numbers(true);
  CHECK_THAT(message_of<NumericError>([&] { net.run(tape); }),
             Catch::Matchers::StartsWith(
                 "trunks.seg.layer3.1.conv2 (conv2d): the output [1, 4, 4, 16] holds NaN"));

  net.set("trunks.seg.layer3.1.conv2.weight", 0.01);
  Tape second(&net.cpu);
  second.check_numbers(true);
  const Var x = net.run(second);
  // A gradient that overflows on its way: from the last block's ReLU into its batch norm.
  const Tensor seed = Tensor::full(x.shape(), 3e38);
  const std::string back = message_of<NumericError>([&] { second.backward(x * 1e30F, seed); });
  CHECK_THAT(back, contains_text("trunks.seg.layer4.1 (add_relu): the gradient [1, 2, 2, 32] "
                                 "holds NaN or infinity (recorded at models/residual_block.cpp:"));
  // Of a parameter, by its name.
  Tape third(&net.cpu);
  third.check_numbers(true);
  Parameter& p = *net.store.find("trunks.seg.bn1.weight");
  const Var big = third.use(p) * 1e30F;
  CHECK_THAT(
      message_of<NumericError>([&] { third.backward(big, Tensor::full({4}, 1e30)); }),
      Catch::Matchers::StartsWith("trunks.seg.bn1.weight: the gradient [4] holds NaN or infinity"));
}

TEST_CASE("errors name the layer: memory", "[models][errors]") {
  Network net;
  host_memory().trim();
  Tape tape(&net.cpu);
  const size_t live = host_memory().counters().live_bytes;
  host_memory().set_cap(live + (64 << 10));
  const std::string message = message_of<MemoryError>([&] { net.run(tape); });
  host_memory().set_cap(0);
  CHECK_THAT(message, Catch::Matchers::StartsWith("trunks.seg."));
  CHECK_THAT(message, contains_text("): host memory: ") && contains_text(" asked for"));
  CHECK_THAT(message_of<MemoryError>([&] {
               host_memory().set_cap(1);
               Tensor::empty({4096}, DType::f32);
             }),
             Catch::Matchers::StartsWith("host memory: "));
  host_memory().set_cap(0);
}

TEST_CASE("errors name the layer: what was changed in place, and a policy's logits",
          "[models][errors]") {
  Network net;
  Tape tape(&net.cpu);
  const Var loss = sum(net.run(tape));
  net.set("trunks.seg.layer2.0.conv1.weight", 1);
  CHECK_THAT(message_of<Error>([&] { tape.backward(loss); }),
             contains_text(
                 "backward: input 1 of trunks.seg.layer2.0.conv1 (conv2d) (recorded at models/"));
  ParameterStore store(&net.cpu, DType::f32);
  const Policy policy(store, {"seg"}, 2, {}, 1);
  net.cpu.fill(store.find("policy.seg")->value, NAN);
  Tape noisy(&net.cpu);
  noisy.check_numbers(true);
  Pass pass{noisy, true, {}};
  CHECK_THAT(message_of<NumericError>([&] { policy.sample(pass, 1, false, 2); }),
             Catch::Matchers::StartsWith("policy.seg (gumbel_softmax): the output [2, 2] holds"));
}
