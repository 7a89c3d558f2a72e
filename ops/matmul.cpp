// matmul: checks, record and backward.
#include "ops/matmul.h"

#include <algorithm>

#include "ops/reduce.h"

namespace weft {
namespace {

/// A stack of matrices as one, their rows below each other.
template <class T>
View<T> stacked(const View<T>& v) {
  return {v.data, {v.shape.outer(v.shape.rank() - 1), v.shape.back()}};
}

/// out = op(a) op(b); where a or b has a batch and out has none, the sum over the batch.
template <class T, class Context>
void product(Context& ctx, View<const T> a, View<const T> b, Transpose transpose, View<T> out) {
  const bool batch_a = a.shape.rank() > 2, batch_b = b.shape.rank() > 2;
  if (out.shape.rank() > 2) {
    if (batch_a && !batch_b && transpose != Transpose::a)
      return kernels::matmul<T>(ctx, stacked(a), b, transpose, stacked(out));
    return kernels::matmul<T>(ctx, a, b, transpose, out);
  }
  if (batch_a && batch_b && transpose == Transpose::a)  // one long sum over all rows
    return kernels::matmul<T>(ctx, stacked(a), stacked(b), transpose, out);
  if (!batch_a && !batch_b) return kernels::matmul<T>(ctx, a, b, transpose, out);
  const Shape& of = batch_a ? a.shape : b.shape;
  const int64_t batch = of.outer(of.rank() - 2);
  const Tensor parts =
      Tensor::empty({batch, out.shape[0], out.shape[1]}, dtype_of<T>(), ctx.memory());
  kernels::matmul<T>(ctx, a, b, transpose, parts.view<T>());
  kernels::sum_middle<T>(ctx, parts.view<T>(), 1, batch, out.numel(), 1, out);
}

struct Matmul final : Op {
  Tensor a, b;  // a: where db is wanted; b: where da is
  Transpose transpose;

  explicit Matmul(Transpose t) : transpose(t) {}
  const char* name() const override { return "matmul"; }

  void backward(Backward& back) override {
    on_device(back, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const View<const T> dy = back.dout().view<T>();
      if (back.needs(0)) {
        const View<T> da = back.din(0).view<T>();
        const View<const T> kept = b.view<T>();
        switch (transpose) {
          case Transpose::none:
            product<T>(ctx, dy, kept, Transpose::b, da);
            break;
          case Transpose::a:
            product<T>(ctx, kept, dy, Transpose::b, da);
            break;
          case Transpose::b:
            product<T>(ctx, dy, kept, Transpose::none, da);
            break;
        }
      }
      if (back.needs(1)) {
        const View<T> db = back.din(1).view<T>();
        const View<const T> kept = a.view<T>();
        switch (transpose) {
          case Transpose::none:
            product<T>(ctx, kept, dy, Transpose::a, db);
            break;
          case Transpose::a:
            product<T>(ctx, kept, dy, Transpose::none, db);
            break;
          case Transpose::b:
            product<T>(ctx, dy, kept, Transpose::a, db);
            break;
        }
      }
    });
  }
};

/// The product's shape.
Shape check(const Var& a, const Var& b, Transpose transpose, SourceLoc loc) {
  const Shape &as = a.shape(), &bs = b.shape();
  if (as.rank() < 2 || bs.rank() < 2)
    shape_error("matmul", loc, "operands must be [.., rows, columns], got {} x {}", as, bs);
  const bool ta = transpose == Transpose::a, tb = transpose == Transpose::b;
  const int rows = as.rank() - 2, columns = bs.rank() - 2;
  if (as[rows + (ta ? 0 : 1)] != bs[columns + (tb ? 1 : 0)])
    shape_error("matmul", loc, "inner sizes must agree: {}{} x {}{}", as, ta ? " transposed" : "",
                bs, tb ? " transposed" : "");
  bool fit = rows == columns || rows == 0 || columns == 0;
  for (int axis = 0; axis < std::min(rows, columns); ++axis) fit = fit && as[axis] == bs[axis];
  if (!fit)
    shape_error("matmul", loc, "leading axes must be equal, or one operand a plain matrix: {} x {}",
                as, bs);
  if (a.dtype() != b.dtype())
    shape_error("matmul", loc, "left is {}, right {}: they must have one dtype", name_of(a.dtype()),
                name_of(b.dtype()));
  Shape out = rows > 0 ? as : bs;
  out.set(out.rank() - 2, as[rows + (ta ? 1 : 0)]);
  out.set(out.rank() - 1, bs[columns + (tb ? 0 : 1)]);
  return out;
}

}  // namespace

Var matmul(const Var& a, const Var& b, Transpose transpose, SourceLoc loc) {
  Tape& tape = Tape::of("matmul", loc, a, b);
  Tensor y = tape.empty(check(a, b, transpose, loc), a.dtype());
  on_device(tape, a, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    product<T>(ctx, a.value().view<T>(), b.value().view<T>(), transpose, y.view<T>());
  });
  auto op = std::make_unique<Matmul>(transpose);
  if (b.needs_grad()) op->a = a.value();
  if (a.needs_grad()) op->b = b.value();
  return tape.record(std::move(op), {a, b}, std::move(y), loc);
}

}  // namespace weft
