// Aligned-MTL (Senushkin et al., Independent Component Alignment for Multi-Task Learning, CVPR
// 2023, arXiv 2305.19000, algorithm 1): the gradients' matrix is replaced by the nearest with
// orthogonal rows of one size (condition number 1), whose mean is d.
//   G = V S V',  R eigenvalues above 0     B = sqrt(s) V S^(-1/2) V' over those R     w = B p,
//   p = 1 / m
// s: the least of the R (min), their median (the lower of two) or their mean (rmse). For p the
// paper has any preference. By Jacobi's rotations (spectrum.h). Weights may be below 0. G w =
// sqrt(s) G^(1/2) p, whose entries may be below 0 too: no promise that d conflicts with nobody.
#include <cmath>

#include "models/balance/gram.h"
#include "models/balance/make.h"
#include "models/balance/spectrum.h"

namespace weft::balance {

Weights aligned_mtl(const Matrix& gram, AlignedScale scale) {
  const Spectrum s = symmetric_eigen(gram);
  const size_t rank = s.rank();
  Weights out{mean_weights(gram.n), {}};
  if (rank == 0) {
    out.notes.push_back({"all gradients are 0", {}});
    return out;
  }
  double size = s.values[rank - 1];
  if (scale == AlignedScale::median) size = s.values[rank / 2];
  if (scale == AlignedScale::rmse) {
    size = 0;
    for (size_t k = 0; k < rank; ++k) size += s.values[k] / static_cast<double>(rank);
  }
  const Vector p = out.w;
  out.w.assign(gram.n, 0.0);
  for (size_t k = 0; k < rank; ++k) {
    double along = 0;
    for (size_t i = 0; i < gram.n; ++i) along += s.vectors(i, k) * p[i];
    along *= std::sqrt(size / s.values[k]);
    for (size_t i = 0; i < gram.n; ++i) out.w[i] += s.vectors(i, k) * along;
  }
  if (!s.converged) out.notes.push_back({"Jacobi's rotations did not settle", {}});
  return out;
}

Made make_aligned_mtl(const BalanceOptions& options) {
  return of_gram(
      "aligned_mtl", options,
      "aligned_mtl: orthogonal gradients of one size, scale " + std::string(name_of(options.scale)),
      [](const BalanceStep& step, const BalanceOptions& o) {
        return aligned_mtl(step.grams[0], o.scale);
      });
}

}  // namespace weft::balance
