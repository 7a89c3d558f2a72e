// CAGrad (Liu et al., Conflict-Averse Gradient Descent, NeurIPS 2021, arXiv 2110.14048,
// algorithm 1): in a ball around the mean gradient g_0, the d whose worst task gains most.
//   max over ||d - g_0|| <= r of min_i <d, g_i>,  r = c ||g_0||       dual, g_w = sum_i w_i g_i:
//   w = argmin over the simplex of <g_w, g_0> + r ||g_w||             d = g_0 + r g_w / ||g_w||
// rescale divides by 1 + c^2, as the official program does; the algorithm does not. Solved exactly:
// for a given t = ||g_w|| / r the minimum is that of w' G w / 2 + t b' w, b = G 1/K, a quadratic
// program; ||g_w(t)|| / t does not rise with t, so t is bisected until both ends have one active
// set, on which w is linear in t and t is the root of a quadratic. Where g_w = 0 (the tasks are
// Pareto stationary) d = g_0: for c < 1 the method's rests are those of g_0 (theorem 3.2). TorchJD
// steps by 0 there, so it stops at any Pareto point: this is right by the theorem. Its solver's
// tolerance of 1e-8 leaves d off by some 1e-5 of its length (bench/peer/torchjd_golden.py).
#include <algorithm>
#include <cmath>

#include "models/balance/active_set.h"
#include "models/balance/gram.h"
#include "models/balance/make.h"

namespace weft::balance {
namespace {

struct Point {
  double t = 0;
  Minimum at;
  double square = 0;  ///< ||g_w||^2
};

Point solve(const Matrix& g, const Vector& b, double t) {
  Vector c = b;
  for (double& x : c) x *= t;
  Point p{t, minimise(g, c, true), 0};
  p.square = quadratic(g, p.at.x);
  return p;
}

/// The t between two points of one active set, where w is linear, at which ||g_w||^2 = r^2 t^2.
Vector on_line(const Matrix& g, const Point& lo, const Point& hi, double r) {
  Vector step(g.n);
  for (size_t i = 0; i < g.n; ++i) step[i] = (hi.at.x[i] - lo.at.x[i]) / (hi.t - lo.t);
  // ||g_w||^2 - r^2 t^2 at t = lo.t + u: square + 2 half u + full u^2.
  const double rest = lo.square - r * r * lo.t * lo.t;
  const double half = dot(lo.at.x, times(g, step)) - r * r * lo.t;
  const double full = quadratic(g, step) - r * r;
  // It falls from rest >= 0 to hi's <= 0: the first root above 0, without cancellation.
  const double root = std::sqrt(std::max(half * half - full * rest, 0.0));
  double u = half < 0 ? rest / (root - half) : full < 0 ? -(half + root) / full : hi.t - lo.t;
  u = std::clamp(u, 0.0, hi.t - lo.t);
  Vector w = lo.at.x;
  for (size_t i = 0; i < g.n; ++i) w[i] += u * step[i];
  return w;
}

}  // namespace

Weights cagrad(const Matrix& gram, double c, bool rescale) {
  Weights out{mean_weights(gram.n), {}};
  double largest = 0;
  for (size_t i = 0; i < gram.n; ++i) largest = std::max(largest, gram(i, i));
  note_where(out, gram.n, "the gradient is 0", [&](size_t i) { return gram(i, i) <= 0; });
  if (!(largest > 0) || c == 0) return out;
  const Matrix g = scaled(gram, Vector(gram.n, 1 / std::sqrt(largest)));
  const Vector b = times(g, out.w);
  const double r = c * std::sqrt(quadratic(g, out.w));
  if (r <= 1e-14) return out;  // g_0 = 0: a ball of radius 0
  Point lo = solve(g, b, 0), hi = solve(g, b, 1.000001 / r);
  bool settled = lo.at.converged && hi.at.converged;
  for (int i = 0; i < 200 && lo.at.free != hi.at.free && hi.t - lo.t > 1e-15 * hi.t; ++i) {
    Point middle = solve(g, b, (lo.t + hi.t) / 2);
    settled = settled && middle.at.converged;
    (middle.square > r * r * middle.t * middle.t ? lo : hi) = middle;
  }
  if (!settled) out.notes.push_back({"the active set did not settle", {}});
  const Vector w = lo.at.free == hi.at.free ? on_line(g, lo, hi, r) : hi.at.x;
  const double length = std::sqrt(quadratic(g, w));
  if (length <= 1e-7 * dot(w, norms(g))) {
    out.notes.push_back({"no direction improves every task: the mean gradient is taken", {}});
    return out;
  }
  for (size_t i = 0; i < gram.n; ++i) out.w[i] += r / length * w[i];
  if (rescale)
    for (double& x : out.w) x /= 1 + c * c;
  return out;
}

Made make_cagrad(const BalanceOptions& options) {
  require(options.c >= 0, "cagrad", "c", options.c, "at least 0");
  return of_gram("cagrad", options,
                 fmt::format("cagrad: the mean gradient, turned to the worst task, c {}{}",
                             options.c, options.rescale ? ", rescaled" : ""),
                 [](const BalanceStep& step, const BalanceOptions& o) {
                   return cagrad(step.grams[0], o.c, o.rescale);
                 });
}

}  // namespace weft::balance
