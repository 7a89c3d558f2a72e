// The methods that need the Gram matrix G_ij = <g_i, g_j> of the tasks' gradients, as functions of
// it: G [m, m] of the m tasks given -> weights w, d = sum_i w_i g_i. Formula and source are at the
// head of each method's file in gram/. Gradients of 0 are left out with a note, except where the
// formula itself has an answer. Cost: O(K^3) to O(K^4) numbers a step, none of length P.
// Scale of d: of the order of the gradients' mean for mgda, cagrad, imtl_g, aligned_mtl, upgrad,
// dualproj, sdmgrad, modo; of their sum for pcgrad, gradvac, gradnorm, config; as their heads say
// for nash_mtl and fairgrad.
#pragma once

#include <string>

#include "engine/philox.h"
#include "models/balance/options.h"
#include "models/balance/weights.h"

namespace weft::balance {

/// mgda.cpp: argmin over the simplex of w' G w, the convex hull's shortest vector. The weights
/// are of the gradients as they are. Losses for the normalisers loss and loss+.
Weights mgda(const Matrix& gram, Normaliser normaliser = Normaliser::none,
             const Vector& losses = {});

/// pcgrad.cpp: each gradient less what of it goes against the others, in a random order.
Weights pcgrad(const Matrix& gram, const Noise& noise);

/// cagrad.cpp: the mean gradient, moved by at most c of its norm for the task that gains least.
Weights cagrad(const Matrix& gram, double c = 0.5, bool rescale = false);

/// gradnorm.cpp: weights learned so that all tasks train at one pace.
struct GradNormState {
  Vector w;             ///< one for each task of the run, with sum K
  Vector first, known;  ///< each task's first loss, and whether there was one
  explicit GradNormState(size_t tasks) : w(tasks, 1.0), first(tasks, 0.0), known(tasks, 0.0) {}
};
Weights gradnorm(GradNormState& state, const std::vector<size_t>& tasks, const Vector& norms,
                 const Vector& losses, double alpha = 1.5, double rate = 0.025);

/// gradvac.cpp: gradients turned until their cosines are those of the moving averages `targets`
/// [K, K], of all tasks of the run; tasks says which of them G is of.
Weights gradvac(const Matrix& gram, Vector& targets, size_t all_tasks,
                const std::vector<size_t>& tasks, const Noise& noise, double beta = 0.5);

/// imtl_g.cpp: d has the same projection on every g_i / ||g_i||; sum w = 1, some may be negative.
Weights imtl_g(const Matrix& gram);

/// nash_mtl.cpp: G w = 1 / w, then ||d|| clipped to max_norm (0: not clipped, ||d||^2 = m).
Weights nash_mtl(const Matrix& gram, double max_norm = 1);
/// fairgrad.cpp: G w = w^(-1 / alpha).
Weights fairgrad(const Matrix& gram, double alpha = 2);

/// aligned_mtl.cpp: B p, B = sqrt(s) V S^(-1/2) V', p = 1 / m; `scale` says what s is.
Weights aligned_mtl(const Matrix& gram, AlignedScale scale = AlignedScale::min);

/// upgrad.cpp: the mean of the gradients, each projected on the dual cone. `ridge`: the projection
/// is of G / tr G + ridge I.
Weights upgrad(const Matrix& gram, double ridge = 0);
/// dualproj.cpp: the mean gradient, projected on the dual cone.
Weights dualproj(const Matrix& gram, double ridge = 0);

/// config.cpp: d has the same cosine > 0 with every gradient, and the sum's length along itself.
Weights config(const Matrix& gram);

// Of two independent batches: cross [m, m] = J_1 J_2', not symmetric. `w` holds an entry for every
// task of the run, starting at 1 / K; those of `tasks` move.
/// sdmgrad.cpp: MGDA near a preferred direction, by steps of projected SGD.
struct SdmgradOptions {
  double lambda = 0.3, rate = 10, momentum = 0.5;
  int iterations = 20;
};
Weights sdmgrad(const Matrix& cross, Vector& w, const std::vector<size_t>& tasks,
                const SdmgradOptions& options = {});
/// modo.cpp: one step of projected SGD on the weights.
Weights modo(const Matrix& cross, Vector& w, const std::vector<size_t>& tasks, double rate = 0.1,
             double rho = 0.1);

}  // namespace weft::balance
