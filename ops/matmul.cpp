// matmul: checks, record and backward.
#include "ops/matmul.h"

namespace weft {
namespace {

struct Matmul final : Op {
  Tensor a, b;  // a: where db is wanted; b: where da is
  Transpose transpose;

  explicit Matmul(Transpose t) : transpose(t) {}
  const char* name() const override { return "matmul"; }

  void backward(Backward& back) override {
    on_device_full(back, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const View<const T> dy = back.dout().view<T>();
      if (back.needs(0)) {
        const View<T> da = back.din(0).view<T>();
        const View<const T> kept = b.view<T>();
        switch (transpose) {
          case Transpose::none:
            kernels::matmul<T>(ctx, dy, kept, Transpose::b, da);
            break;
          case Transpose::a:
            kernels::matmul<T>(ctx, kept, dy, Transpose::b, da);
            break;
          case Transpose::b:
            kernels::matmul<T>(ctx, dy, kept, Transpose::none, da);
            break;
        }
      }
      if (back.needs(1)) {
        const View<T> db = back.din(1).view<T>();
        const View<const T> kept = a.view<T>();
        switch (transpose) {
          case Transpose::none:
            kernels::matmul<T>(ctx, kept, dy, Transpose::a, db);
            break;
          case Transpose::a:
            kernels::matmul<T>(ctx, kept, dy, Transpose::none, db);
            break;
          case Transpose::b:
            kernels::matmul<T>(ctx, dy, kept, Transpose::a, db);
            break;
        }
      }
    });
  }
};

}  // namespace

Var matmul(const Var& a, const Var& b, Transpose transpose, SourceLoc loc) {
  Tape& tape = Tape::of("matmul", loc, a, b);
  const Shape &as = a.shape(), &bs = b.shape();
  const bool ta = transpose == Transpose::a, tb = transpose == Transpose::b;
  if (as.rank() != 2 || bs.rank() != 2 || as[ta ? 0 : 1] != bs[tb ? 1 : 0])
    shape_error("matmul", loc, "inner sizes must agree: {}{} x {}{}", as, ta ? " transposed" : "",
                bs, tb ? " transposed" : "");
  if (a.dtype() != b.dtype())
    shape_error("matmul", loc, "left is {}, right {}: they must have one dtype", name_of(a.dtype()),
                name_of(b.dtype()));
  Tensor y = tape.empty({as[ta ? 1 : 0], bs[tb ? 0 : 1]}, a.dtype());
  on_device_full(tape, a, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::matmul<T>(ctx, a.value().view<T>(), b.value().view<T>(), transpose, y.view<T>());
  });
  auto op = std::make_unique<Matmul>(transpose);
  if (b.needs_grad()) op->a = a.value();
  if (a.needs_grad()) op->b = b.value();
  return tape.record(std::move(op), {a, b}, std::move(y), loc);
}

}  // namespace weft
