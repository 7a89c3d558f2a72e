// What ops say about a GPU: why there is none, and which types are not computed on one.
#include "ops/pointwise.h"
#include "ops/softmax.h"
#include "tests/support/device.h"

namespace weft {

TEST_CASE("cuda: a missing device is explained", "[ops][cuda]") {
  if (cuda_skip_reason().empty()) {
    CHECK_NOTHROW(cuda_device());
    return;
  }
  try {
    cuda_device();
    FAIL_CHECK("no device, and no error");
  } catch (const DeviceError& e) {
    const std::string message = e.what(),
                      prefix = "device cuda: ", advice = "; run with --device cpu";
    INFO(message);
    CHECK(message.find(prefix) == 0);
    CHECK(message.size() > prefix.size() + advice.size());  // the reason stands between
    CHECK(message.rfind(advice) == message.size() - advice.size());
  }
}

TEST_CASE("cuda: f64 and, where an op keeps full precision, bf16 are refused", "[ops][cuda]") {
  WEFT_NEEDS_CUDA();
  Tape tape(cuda_device());
  const Var wide = tape.leaf(on_tape(tape, Tensor::from({2}, {1, 2}, DType::f64)));
  CHECK_THROWS_WITH(relu(wide), "relu: f64 is not computed on cuda");
  const Var narrow = tape.leaf(tape.empty({2}, DType::bf16));
  CHECK_THROWS_WITH(softmax(narrow),
                    "softmax: bf16 is not computed on cuda by this op; cast it to f32 first");
}

}  // namespace weft
