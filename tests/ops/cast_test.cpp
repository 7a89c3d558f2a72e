// cast: values survive a wider type, round into a narrower one, and gradients come back in x's
// type.
#include "ops/cast.h"
#include "tests/support/op_check.h"

namespace weft {

TEST_CASE("cast: f32 to f64 and back is exact, and dx has x's type", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Values values = {1.0, -2.5, 3e-8, 1.0 / 3};
  const Var x = tape.leaf(Tensor::from({4}, values));
  const Var wide = cast(x, DType::f64);
  REQUIRE(wide.dtype() == DType::f64);
  CHECK(same_bits(cast(wide, DType::f32).value(), x.value()));
  tape.backward(wide, Tensor::from({4}, {1, 2, 3, 4}, DType::f64));
  CHECK(same_bits(tape.grad(x), Tensor::from({4}, {1, 2, 3, 4})));
}

TEST_CASE("cast: into the narrower type it rounds to nearest, into its own it is x itself",
          "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2}, {1.0 / 3, 1 + 1e-12}, DType::f64));
  const Values rounded = cast(x, DType::f32).value().to_vector();
  CHECK(rounded == Values{static_cast<double>(1.0F / 3), 1.0});
  CHECK(cast(x, DType::f64).value().raw() == x.value().raw());
}

TEST_CASE("cast: bf16 is refused on the CPU", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2}, {1, 2}));
  CHECK_THROWS_WITH(cast(x, DType::bf16), "cast: bf16 is not computed on cpu");
}

}  // namespace weft
