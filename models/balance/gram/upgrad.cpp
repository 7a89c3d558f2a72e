// UPGrad (Quinton and Rey, Jacobian Descent for Multi-Objective Optimization, arXiv 2406.16232):
// every gradient is projected on the dual cone, whose vectors go against no task, and
// d is their mean.
//   v_i = argmin v' G v over v >= e_i / m     w = sum_i v_i     G w >= 0: d conflicts with no task
// and DualProj (the same paper; Lopez-Paz and Ranzato, GEM, NeurIPS 2017, equation 11):
// the mean gradient is projected, w = argmin v' G v over v >= 1 / m. UPGrad's d is linear in each
// row's scale (a task's gradient times s has its projection times s). Quadratic programs of m
// numbers, solved exactly whatever G's rank (active_set.h). `ridge` > 0 projects by G / tr G +
// ridge I instead, as TorchJD always does (1e-4, for its solver's sake): its d may then
// conflict by ridge v. The definition has none, and 0 is the default here.
#include "models/balance/active_set.h"
#include "models/balance/gram.h"
#include "models/balance/make.h"

namespace weft::balance {
namespace {

Matrix ridged(const Matrix& gram, double ridge) {
  if (ridge == 0) return gram;
  double trace = 0;
  for (size_t i = 0; i < gram.n; ++i) trace += gram(i, i);
  Matrix out = gram;
  for (double& x : out.values) x /= trace;
  for (size_t i = 0; i < gram.n; ++i) out(i, i) += ridge;
  return out;
}

/// Adds the weights of the projection of sum_i u_i g_i.
void add_projection(const Matrix& gram, const Vector& u, Weights& out) {
  const Minimum found = project_on_dual_cone(gram, u);
  for (size_t i = 0; i < gram.n; ++i) out.w[i] += found.x[i];
  if (!found.converged && out.notes.empty())
    out.notes.push_back({"the active set did not settle", {}});
}

}  // namespace

Weights upgrad(const Matrix& gram, double ridge) {
  return where_nonzero(gram, [&](const Matrix& g) {
    const Matrix used = ridged(g, ridge);
    Weights out{Vector(g.n, 0.0), {}};
    for (size_t i = 0; i < g.n; ++i) {
      Vector u(g.n, 0.0);
      u[i] = 1.0 / static_cast<double>(gram.n);
      add_projection(used, u, out);
    }
    return out;
  });
}

Weights dualproj(const Matrix& gram, double ridge) {
  return where_nonzero(gram, [&](const Matrix& g) {
    Weights out{Vector(g.n, 0.0), {}};
    add_projection(ridged(g, ridge), Vector(g.n, 1.0 / static_cast<double>(gram.n)), out);
    return out;
  });
}

Made make_upgrad(const BalanceOptions& options) {
  require(options.ridge >= 0, "upgrad", "ridge", options.ridge, "at least 0");
  return of_gram("upgrad", options, "upgrad: every gradient without its conflicts, and their mean",
                 [](const BalanceStep& step, const BalanceOptions& o) {
                   return upgrad(step.grams[0], o.ridge);
                 });
}

Made make_dualproj(const BalanceOptions& options) {
  require(options.ridge >= 0, "dualproj", "ridge", options.ridge, "at least 0");
  return of_gram("dualproj", options, "dualproj: the mean gradient without its conflicts",
                 [](const BalanceStep& step, const BalanceOptions& o) {
                   return dualproj(step.grams[0], o.ridge);
                 });
}

}  // namespace weft::balance
