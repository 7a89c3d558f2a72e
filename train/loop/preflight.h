// Plans before work: what a later phase needs is looked at before the first step, from the run
// file, the data set's index and shapes, without reading a picture. A run that could not get to its
// end is refused with the task, the part, the phase and the key, and what to do; what is allowed
// but may not be meant (blocks without a turn, small batches) comes back as lines to be said.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/split.h"
#include "models/sharing/sharing.h"
#include "train/step/state.h"

namespace weft {

/// Steps, parts, labels. Before the network is made.
void check_plan(const RunFile& run, const Dataset& data, const Parts& parts);

/// ConfigError where the run needs more than `bytes`, counted low: parameters with gradients and
/// moments, the loader's batches, the first maps. Before the network is made.
void check_memory(const RunFile& run, const Dataset& data, const Parts& parts, int64_t bytes);

/// Whether several ranks (engine/ranks.h) can train it: every batch has as many rows for each, and
/// nothing is asked for that looks at one rank's rows alone. With the network made.
void check_ranks(const RunFile& run, const Dataset& data, const Parts& parts, Model& model);

/// The network of a run that passed all of them for the device.
std::unique_ptr<Model> planned_model(AnyContext context, const RunFile& run, const Dataset& data,
                                     const Parts& parts);

/// The search and the policy that comes of it; reads retrain.policy. With the network made.
void check_search(const RunFile& run, Model& model, const SearchClock& clock);

/// What is to be said about a plan that is possible.
std::vector<std::string> plan_notes(const RunFile& run, const Dataset& data, const Parts& parts,
                                    Model& model, const SearchClock& clock);

}  // namespace weft
