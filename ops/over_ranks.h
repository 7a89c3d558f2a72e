// mean_over_ranks: y = (x_0 + .. + x_{N-1}) / N over all ranks (engine/ranks.h), in their order, in
// f64. dx = dy: a rank's gradients are N times its own share of dL/dp, so that their mean over the
// ranks is dL/dp, and what every rank computes alike (a regulariser) needs no scaling. Any shape;
// between GPUs by engine/card_ranks.h, without the host. All ranks record it alike. Retains nothing.
#pragma once

#include "engine/tape.h"

namespace weft {

/// x itself where this is the only rank.
Var mean_over_ranks(const Var& x, SourceLoc = SourceLoc::here());

}  // namespace weft
