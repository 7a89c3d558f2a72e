// What ranks exchange of a model. Gradients: g <- (g_0 + .. + g_{N-1}) / N for every parameter that
// has one, by rank, in f64, several parameters at once (Ranks::mean). A rank's own are N times its
// share of the batch's (ops/over_ranks.h), so these are the batch's, of the same bits on every rank.
// Which parameters have one is the same everywhere: all ranks record the same tape. Of per-task
// gradients every row is so averaged before anything is asked of them, so that a Gram matrix, or what
// a method makes of elements, is that of the whole batch; no mean of Grams would be. Weights: those
// that rank 0 has read from a file that it alone writes. Between GPUs means are taken there, in f32
// (card_means.h), and no rank waits for its host. Retains nothing.
#pragma once

#include <vector>

#include "engine/backend.h"
#include "engine/parameter.h"
#include "models/balance/per_task_gradients.h"
#include "models/parameter_store.h"

namespace weft {

void average_over_ranks(const AnyContext& context, const std::vector<Parameter*>& parameters);

/// tape.backward(loss). True: between GPUs gradients have been averaged on the way, and this was it.
bool backward_over_ranks(Tape& tape, const Var& loss, const std::vector<Parameter*>& parameters);

/// Rows of shared parameters; needs keep, where there are several ranks.
void average_over_ranks(const AnyContext& context, TaskGradients& gradients);

/// Running statistics that each rank has moved by its own rows' moments (model.bn.sync = false).
void average_running_over_ranks(ParameterStore& store);

/// Values and running statistics become rank 0's.
void take_from_first_rank(ParameterStore& store);

/// This one included; ranks that are on one machine share its cores and memory.
int ranks_on_this_host();

}  // namespace weft
