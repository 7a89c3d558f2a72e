// The methods that need the losses alone, as functions of plain numbers: L_i of the tasks given ->
// w_i, the step minimises sum_i w_i L_i with w held constant. Formula and source are at the head of
// each method's file in losses/. Those that learn move numbers of the caller's: `State` structs
// hold plain vectors with an entry for every task of the run, `tasks` says which are in this batch,
// ascending; entries of the others stand still. Where the weights do not follow from this step's
// losses, what is learned of them is a function of its own, X_after. Cost: O(K) numbers a step.
#pragma once

#include <cstdint>

#include "engine/philox.h"
#include "models/balance/adam.h"
#include "models/balance/weights.h"

namespace weft::balance {

using Tasks = std::vector<size_t>;

/// equal.cpp: 1.
Weights equal(size_t tasks);

/// uw.cpp: exp(-s_i) / 2 (regression) or exp(-s_i), and s_i learned with the sum.
struct LogScales {
  Vector s;
  Adam adam;
  explicit LogScales(size_t tasks) : s(tasks, 0.0), adam(tasks) {}
};
Weights uw(const LogScales& state, const Tasks& tasks, bool classification = false);
void uw_after(LogScales& state, const Tasks& tasks, const Vector& losses, double rate,
              bool classification = false);
/// imtl_l.cpp: exp(s_i), s_i learned so that all scaled losses become 1.
Weights imtl_l(const LogScales& state, const Tasks& tasks);
void imtl_l_after(LogScales& state, const Tasks& tasks, const Vector& losses, double rate);

/// dwa.cpp: K softmax(r / T), r_i how fast a task's loss fell from one epoch to the next.
struct LossMeans {
  Vector epoch{-1.0};          ///< [1] of the last call
  Vector sum, count;           ///< of this epoch
  Vector last, before, known;  ///< means of the two epochs before; how many of them there are
  explicit LossMeans(size_t tasks);
};
Weights dwa(LossMeans& state, const Tasks& tasks, int64_t epoch, double temperature = 2);
void dwa_after(LossMeans& state, const Tasks& tasks, const Vector& losses);

/// rlw.cpp: softmax(n), n ~ N(0, 1); element i of the noise is task tasks[i]'s.
Weights rlw(const Noise& noise, const Tasks& tasks);

/// gls.cpp: GM / (K L_i), the gradient of the losses' geometric mean GM.
Weights gls(const Vector& losses);

/// stch.cpp: lambda_i softmax_i(lambda (L - z) / mu), the gradient of the smooth maximum.
Weights stch(const Vector& losses, const Vector& preference, const Vector& reference, double mu);
/// stch.cpp: the same of log(L_i / nadir_i), times K: K softmax_i(log(L / nadir) / mu) / L_i; in
/// the first `warmup` epochs, whose means become the nadir, 1 / L_i.
Weights stch_log(LossMeans& state, const Tasks& tasks, const Vector& losses, int64_t epoch,
                 int64_t warmup, double mu);

/// famo.cpp: c z_i / (L_i - b_i), z = softmax(xi), c = 1 / sum_i z_i / (L_i - b_i).
struct FamoState {
  Vector xi;
  Adam adam;
  explicit FamoState(size_t tasks) : xi(tasks, 0.0), adam(tasks) {}
};
Weights famo(const FamoState& state, const Tasks& tasks, const Vector& losses,
             const Vector& least = {});
/// famo.cpp: moves xi by what the step did to the losses of the same batch.
void famo_after(FamoState& state, const Tasks& tasks, const Vector& before, const Vector& after,
                double rate, double decay, const Vector& least = {});

}  // namespace weft::balance
