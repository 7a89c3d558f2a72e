// trace_norm: two products of matmul's kernel, and a small eigenvalue problem between them.
#include "ops/trace_norm.h"

#include <cmath>
#include <limits>

#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/pointwise_functors.h"

namespace weft {
namespace {

/// A symmetric matrix, by rows.
struct Symmetric {
  size_t n;
  std::vector<double> values;
  double& operator()(size_t i, size_t j) { return values[i * n + j]; }
  double operator()(size_t i, size_t j) const { return values[i * n + j]; }
};

/// Turns columns p and q of `m` by the angle of cosine c and sine s.
void turn_columns(Symmetric& m, size_t p, size_t q, double c, double s) {
  for (size_t i = 0; i < m.n; ++i) {
    const double a = m(i, p), b = m(i, q);
    m(i, p) = c * a - s * b;
    m(i, q) = s * a + c * b;
  }
}

/// Makes `a` diagonal by cyclic Jacobi rotations; returns the eigenvectors, as columns.
Symmetric diagonalise(Symmetric& a) {
  Symmetric v{a.n, std::vector<double>(a.n * a.n, 0.0)};
  for (size_t i = 0; i < a.n; ++i) v(i, i) = 1;
  constexpr int most_sweeps = 60;  // it converges quadratically: a handful is enough
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    bool turned = false;
    for (size_t p = 0; p < a.n; ++p)
      for (size_t q = p + 1; q < a.n; ++q) {
        const double off = a(p, q), size = std::abs(a(p, p)) + std::abs(a(q, q));
        if (std::abs(off) <= std::numeric_limits<double>::epsilon() * 1e-3 * size) continue;
        turned = true;
        const double theta = (a(q, q) - a(p, p)) / (2 * off);
        const double t = std::copysign(1.0, theta) / (std::abs(theta) + std::hypot(theta, 1.0));
        const double c = 1 / std::hypot(t, 1.0), s = t * c;
        turn_columns(a, p, q, c, s);
        for (size_t i = 0; i < a.n; ++i) {  // and the rows
          const double x = a(p, i), y = a(q, i);
          a(p, i) = c * x - s * y;
          a(q, i) = s * x + c * y;
        }
        a(p, q) = a(q, p) = 0;
        turn_columns(v, p, q, c, s);
      }
    if (!turned) break;
  }
  return v;
}

struct TraceNorm final : Op {
  Tensor x, inverse_root;

  const char* name() const override { return "trace_norm"; }
  void backward(Backward& b) override {
    on_device_full(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const Tensor scaled = b.scratch(inverse_root.shape(), inverse_root.dtype());
      kernels::binary_forward<pointwise::Mul, T>(ctx, {}, inverse_root.view<T>(),
                                                 b.dout().view<T>(), scaled.view<T>());
      kernels::matmul<T>(ctx, scaled.view<T>(), x.view<T>(), Transpose::none, b.din(0).view<T>());
    });
  }
};

}  // namespace

Var trace_norm(const Var& x, SourceLoc loc) {
  Tape& tape = Tape::of("trace_norm", loc, x);
  if (x.shape().rank() != 2 || x.value().numel() == 0)
    shape_error("trace_norm", loc, "x must be [rows, columns], not empty, and is {}", x.shape());
  const int64_t rows = x.shape()[0];
  const Tensor gram = tape.empty({rows, rows}, x.dtype());
  on_device_full(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::matmul<T>(ctx, x.value().view<T>(), x.value().view<T>(), Transpose::b, gram.view<T>());
  });
  Symmetric g{static_cast<size_t>(rows), to_host(tape.context(), gram).to_vector()};
  const Symmetric v = diagonalise(g);
  const double eps = x.dtype() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                             : std::numeric_limits<float>::epsilon();
  double largest = 0, total = 0;
  for (size_t i = 0; i < g.n; ++i) largest = std::max(largest, g(i, i));
  Symmetric inverse_root{g.n, std::vector<double>(g.n * g.n, 0.0)};
  for (size_t e = 0; e < g.n; ++e) {
    if (g(e, e) <= 32 * eps * static_cast<double>(g.n) * largest) continue;
    const double singular = std::sqrt(g(e, e));
    total += singular;
    for (size_t i = 0; i < g.n; ++i)
      for (size_t j = 0; j < g.n; ++j) inverse_root(i, j) += v(i, e) * v(j, e) / singular;
  }
  auto op = std::make_unique<TraceNorm>();
  op->x = x.value();
  op->inverse_root =
      to_device(tape.context(), Tensor::from({rows, rows}, inverse_root.values, x.dtype()));
  Tensor y = to_device(tape.context(), Tensor::from(Shape{}, {total}, x.dtype()));
  return tape.record(std::move(op), {x}, std::move(y), loc);
}

}  // namespace weft
