// MGDA (Desideri, Comptes Rendus Mathematique 350, 2012; Sener and Koltun, NeurIPS 2018, arXiv
// 1810.04650, equation 3): the shortest vector of the convex hull of the gradients,
//   w = argmin over the simplex of w' G w       <d, g_i> >= ||d||^2, equal where w_i > 0
// d improves every task, or is 0 where no direction does. Solved exactly, by an active set
// (active_set.h): Frank-Wolfe, which most programs use, comes near as 1 over its rounds: TorchJD's
// default leaves ||d|| 1 % too long on its golden case "five". `normaliser` n_i finds it for g_i /
// n_i (official program): l2: ||g_i||, loss: L_i, loss+: L_i ||g_i||; weights are then w_i / n_i of
// the gradients as they are, so that d is that shortest vector and keeps its promise. A gradient of
// 0 is the shortest vector itself: d = 0.
#include "models/balance/active_set.h"
#include "models/balance/gram.h"
#include "models/balance/make.h"

namespace weft::balance {

Weights mgda(const Matrix& gram, Normaliser normaliser, const Vector& losses) {
  const bool by_norm = normaliser == Normaliser::l2 || normaliser == Normaliser::loss_plus;
  const bool by_loss = normaliser == Normaliser::loss || normaliser == Normaliser::loss_plus;
  const Vector size = norms(gram);
  Weights out;
  Vector scale(gram.n, 1.0);
  for (size_t i = 0; i < gram.n; ++i) {
    const double n = (by_norm ? size[i] : 1) * (by_loss ? losses[i] : 1);
    if (n > 0) scale[i] = 1 / n;
  }
  note_where(out, gram.n, "the loss is 0 or less: not normalised",
             [&](size_t i) { return by_loss && losses[i] <= 0; });
  note_where(out, gram.n,
             "the gradient is 0: so is the shortest vector, and no shared parameter moves",
             [&](size_t i) { return size[i] == 0; });
  const Minimum found = minimise(scaled(gram, scale), Vector(gram.n, 0.0), true);
  if (!found.converged) out.notes.push_back({"the active set did not settle", {}});
  out.w = found.x;
  for (size_t i = 0; i < gram.n; ++i) out.w[i] *= scale[i];
  return out;
}

Made make_mgda(const BalanceOptions& options) {
  return of_gram("mgda", options,
                 "mgda: the shortest vector of the gradients' hull, normaliser " +
                     std::string(name_of(options.normaliser)),
                 [](const BalanceStep& step, const BalanceOptions& o) {
                   return mgda(step.grams[0], o.normaliser, step.losses);
                 });
}

}  // namespace weft::balance
