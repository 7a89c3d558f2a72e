// NCCL between the ranks' GPUs (engine/card_ranks.h). Two communicators, one for each stream: sums that
// the pass waits for go on the compute stream, means of gradients on a stream beside it, so that
// neither stands in the other's line. Every rank calls NCCL in one order, on one thread, and a kernel
// of the one never waits for a kernel of the other, so they may be under way at the same time.
// Messages are queued as kernels are, and become nodes of a graph that is being recorded; buffers of a
// graph are not registered with NCCL (NCCL_GRAPH_REGISTER=0), as a step is recorded anew each time.
#pragma once

#include <memory>

#include "engine/card_ranks.h"
#include "engine/cuda/context.h"
#include "engine/ranks.h"

namespace weft {

/// Called by all ranks at once, each with a context on a card of its own: ConfigError where two have
/// the same card, or this build has no NCCL. Both arguments have to outlive it, and graphs that hold
/// its messages have to be gone before.
std::unique_ptr<CardRanks> join_cards(CudaContext& ctx, Ranks& ranks);

}  // namespace weft
