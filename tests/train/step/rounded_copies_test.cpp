// bf16 copies of f32 masters: whoever changes the numbers keeps them, else they are gone.
#include <cmath>

#include "ops/cast.h"
#include "ops/linear.h"
#include "tests/support/device.h"
#include "tests/support/op_check.h"
#include "train/step/finite.h"
#include "train/step/optimizer.h"

namespace weft {

TEST_CASE("a rounded copy is there until the numbers change, for the whole tensor alone",
          "[engine]") {
  CpuContext cpu(1);
  const Tensor master = Tensor::zeros({4, 3});
  const Tensor copy = Tensor::empty({4, 3}, DType::bf16);
  CHECK_FALSE(master.wants_rounded());
  master.want_rounded();
  CHECK(master.wants_rounded());
  CHECK_FALSE(master.rounded().defined());
  master.keep_rounded(copy);
  CHECK(master.rounded().raw() == copy.raw());
  CHECK(master.rounded().dtype() == DType::bf16);
  CHECK(master.reshaped({12}).rounded().shape() == Shape{12});
  CHECK_FALSE(master.rows(1, 2).rounded().defined());
  cpu.fill(master, 1);
  CHECK_FALSE(master.rounded().defined());
  CHECK(master.wants_rounded());
  CHECK_THROWS_AS(master.keep_rounded(Tensor::zeros({4, 3})), Error);
  CHECK_THROWS_AS(master.keep_rounded(Tensor::empty({3, 4}, DType::bf16)), Error);
  CHECK_THROWS_AS(master.rows(0, 2).keep_rounded(copy.rows(0, 2)), Error);
}

TEST_CASE("cuda: an update keeps the bf16 copies that ops asked for, also where it writes nothing",
          "[cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  const AnyContext& cuda = cuda_device();
  const auto random = [&](const Shape& shape, uint64_t seed) {
    OpCase values;
    values.inputs = {shape};
    values.seed = seed;
    return to_device(cuda, Tensor::from(shape, case_values(values, 0), DType::f32));
  };
  for (const Algorithm algorithm : {Algorithm::sgd, Algorithm::adam}) {
    Parameter weight{"weight", random({37, 70}, 1), {}, true};
    Parameter unused{"unused", random({5}, 2), {}, true};
    OptimizerOptions options;
    options.algorithm = algorithm;
    Optimizer optimizer(cuda, {{{&weight, &unused}, 0.1}}, options);
    FiniteStep finite(cuda);
    const auto rounds_as_cast = [&] {
      const Tensor kept = weight.value.rounded();
      if (!kept.defined()) return false;
      const Tape tape(cuda, Tape::Mode::no_grad);
      const auto wide = [&](const Var& v) {
        return from_tape(tape, cast(v, DType::f32).value()).to_vector();
      };
      return wide(tape.constant(kept)) == wide(cast(tape.constant(weight.value), DType::bf16));
    };
    for (int step = 0; step < 4; ++step) {
      INFO("step " << step);
      Tape tape(cuda);
      const Tensor x = converted(cuda, random({9, 70}, 3), DType::bf16);
      const Var y = linear(tape.constant(x), tape.use(weight));
      tape.backward(y, y.value());
      unused.grad = random({5}, 4);
      if (step == 2)  // the verdict is bad from here on
        std::visit([&](auto* ctx) { ctx->fill(unused.grad, NAN); }, cuda);
      finite.begin({}, false);
      finite.judge({unused.grad});
      optimizer.step(1, finite.verdict());
      CHECK(rounds_as_cast());
      CHECK_FALSE(unused.value.rounded().defined());
      if (step == 2)  // numbers from elsewhere: a copy of what was before is none
        std::visit([&](auto* ctx) { ctx->copy(weight.value, random({37, 70}, 5)); }, cuda);
      CHECK(weight.value.rounded().defined() == (step != 2));
      weight.grad = unused.grad = Tensor();
    }
  }
}

}  // namespace weft
