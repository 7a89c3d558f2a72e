// Means of every task's loss by epoch, for dwa and stch: see LossMeans in losses.h. A task whose
// labels are missing throughout an epoch keeps the means that it had.
#pragma once

#include "models/balance/losses.h"

namespace weft::balance {

/// To be called once a step, in order of epochs: closes the epoch before where a new one begins.
void begin_epoch(LossMeans& state, int64_t epoch);
/// This step's losses into the epoch's sums.
void add_losses(LossMeans& state, const Tasks& tasks, const Vector& losses);
/// softmax(x), without overflow.
Vector softmax(Vector x);

}  // namespace weft::balance
