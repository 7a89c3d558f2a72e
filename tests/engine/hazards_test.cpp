// What misuse of the engine does: a clear error, never a wrong gradient or a read of freed memory.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/tape.h"
#include "ops/concat.h"
#include "ops/conv2d.h"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "train/step/optimizer.h"

namespace weft {
namespace {

Tensor tensor(const Shape& shape, double value = 1) {
  return Tensor::from(shape, std::vector<double>(static_cast<size_t>(shape.numel()), value),
                      DType::f32);
}

/// What f's Error says; empty where it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Memory that counts its blocks, as a device's would be: not the host's.
int blocks = 0;
RawMemory counted_memory() {
  return {"counted",
          false,
          [](size_t bytes) -> void* {
            ++blocks;
            return std::malloc(bytes);
          },
          [](void* block) {
            --blocks;
            std::free(block);
          },
          [](void* block, int byte, size_t bytes) { std::memset(block, byte, bytes); },
          [](void* to, const void* block, size_t bytes) { std::memcpy(to, block, bytes); }};
}

}  // namespace

TEST_CASE("hazards: a value of another tape is refused by every op that takes it", "[engine]") {
  CpuContext ctx(1);
  Tape one(&ctx), two(&ctx);
  const Var a = one.leaf(tensor({2, 2})), b = two.leaf(tensor({2, 2}));
  CHECK(holds(error_of([&] { add(a, b); }), "add: input 1 [2, 2] belongs to another tape"));
  CHECK(holds(error_of([&] { b* a; }), "mul: input 1"));
  CHECK(holds(error_of([&] { matmul(b, a); }), "matmul: input 1"));
  CHECK(holds(error_of([&] { linear(a, b); }), "linear: input 1"));
  CHECK(holds(error_of([&] { concat({b, b, a}, 0); }), "concat: input 2"));
  CHECK(holds(error_of([&] { two.backward(sum(a)); }), "backward: a value [] of another tape"));
  CHECK(holds(error_of([&] { two.grad(a); }), "grad: a value [2, 2] of another tape"));
  CHECK(two.size() == 1);
}

TEST_CASE("hazards: a value of a tape that is gone is refused, and so is one that no tape made",
          "[engine]") {
  CpuContext ctx(1);
  Var old;
  {
    Tape tape(&ctx);
    old = tape.leaf(tensor({2}));
  }
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({2}));
  CHECK(holds(error_of([&] { relu(old); }),
              "relu: a value [2] of a tape that is gone; take its value() "
              "(tests/engine/hazards_test.cpp:"));
  CHECK(holds(error_of([&] { add(x, old); }), "belongs to another tape"));
  CHECK(holds(error_of([&] { tape.take_grad(old); }), "of another tape"));
  CHECK(holds(error_of([&] { relu(Var()); }), "relu: a Var that no tape made"));
  CHECK(holds(error_of([&] { Var().tape(); }), "leaf(), constant() and use() make them"));
}

TEST_CASE("hazards: what was changed in place since it was recorded stops backward", "[engine]") {
  CpuContext ctx(1);
  Parameter w{"w", tensor({2, 2}), {}, true};
  SECTION("an input, by a copy into it") {
    Tape tape(&ctx);
    const Var x = tape.leaf(tensor({2, 2}));
    const Var loss = sum(mul(x, tape.use(w)));
    ctx.copy(w.value, tensor({2, 2}, 5));
    CHECK(holds(error_of([&] { tape.backward(loss); }),
                "backward: input 1 of mul (recorded at tests/engine/hazards_test.cpp:"));
  }
  SECTION("an output") {
    Tape tape(&ctx);
    const Var y = relu(tape.use(w));
    const Var loss = sum(y);
    ctx.fill(y.value(), 0);
    CHECK(holds(error_of([&] { tape.backward(loss); }), "was changed in place"));
  }
  SECTION("a parameter, by an optimizer's step between two passes") {
    Optimizer sgd(&ctx, {ParameterGroup{{&w}, 0.1}}, {});
    Tape tape(&ctx);
    const Var x = tape.leaf(tensor({2, 2}));
    const Var first = sum(matmul(x, tape.use(w)));
    const Var second = sum(matmul(x, tape.use(w)));
    tape.backward(first);
    sgd.step(1);
    CHECK(holds(error_of([&] { tape.backward(second); }), "input 1 of matmul"));
  }
  SECTION("not the gradients, nor what is changed after the pass") {
    Tape tape(&ctx);
    const Var x = tape.leaf(tensor({2, 2}));
    tape.backward(sum(add(mul(x, tape.use(w)), x)));
    ctx.fill(w.value, 3);
    CHECK(tape.grad(x).to_vector() == std::vector<double>{2, 2, 2, 2});
  }
}

TEST_CASE("hazards: a tensor where the tape does not compute is refused, with the op's name",
          "[engine]") {
  CachingAllocator elsewhere(counted_memory());
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Tensor far = Tensor::empty({2, 2}, DType::f32, elsewhere);
  CHECK(holds(error_of([&] { tape.constant(far); }),
              "constant: input 0 [2, 2] lies on a device, where this tape does not compute; bring "
              "it over with to_host (tests/engine/hazards_test.cpp:"));
  CHECK(holds(error_of([&] { tape.leaf(far); }), "to_host"));
  Parameter p{"w", far, {}, true};
  CHECK(holds(error_of([&] { tape.use(p); }), "to_host"));
}

TEST_CASE("hazards: host tensors on a GPU's tape are refused, with the op's name", "[cuda]") {
  WEFT_NEEDS_CUDA();
  Tape tape(cuda_device());
  CHECK(holds(error_of([&] { tape.constant(tensor({2})); }), "to_device"));
  CHECK(holds(error_of([&] { tape.leaf(tensor({2})); }), "to_device"));
}

TEST_CASE("hazards: a tensor that outlives its memory says so, and gives its block back",
          "[engine]") {
  blocks = 0;
  Tensor t;
  {
    CachingAllocator memory(counted_memory());
    t = Tensor::empty({3}, DType::f32, memory);
    const Tensor other = Tensor::empty({300}, DType::f32, memory);
    CHECK(t.raw() != nullptr);
  }
  CHECK(blocks == 1);
  CHECK(holds(error_of([&] { t.raw(); }), "was used after its context had gone"));
  CHECK_FALSE(t.on_host());
  t = Tensor();
  CHECK(blocks == 0);
}

TEST_CASE("hazards: sizes that overflow are an error, not a small number", "[engine]") {
  const int64_t huge = int64_t{1} << 62;
  CHECK(holds(error_of([&] { Shape({huge, 8}); }), "more than 2^60 elements"));
  CHECK(holds(error_of([&] { Shape({huge, 0, 8}); }), "more than 2^60 elements"));
  CHECK(holds(error_of([&] { Shape({2000000000, 2000000000, 3}); }), "more than 2^60 elements"));
  CHECK(holds(error_of([&] {
                Shape::broadcast({int64_t{1} << 40, 1}, {1, int64_t{1} << 40});
              }),
              "more than 2^60 elements"));
  Shape s{4, 4};
  CHECK(holds(error_of([&] { s.set(0, huge); }), "more than 2^60 elements"));
}

}  // namespace weft
