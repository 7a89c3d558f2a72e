// What a search leaves: its record, its best logits, and the policy that re-training executes,
// chosen by them (train/step/choose_policy.h) or given in retrain.policy; or, under retrain.gates,
// what stands in its place.
#pragma once

#include "data/split.h"
#include "train/loop/observer.h"
#include "train/run_folder/run_folder.h"

namespace weft {

/// The record of the policy epoch that ended with the state's step.
SearchLine search_line(const RunFile& run, const TrainState& state, const SearchClock& clock,
                       const Policy& policy);

/// policy.from = "best": notes the logits in the state where they have the best validation score
/// since all blocks are learned.
void note_best_logits(TrainState& state, const RunFile& run, const SearchClock& clock,
                      const Policy& policy, double score);

/// The policy of re-training, as retrain.gates has it, into the state. policy.from = "best": the
/// model's logits go back to where validation liked them most.
void decide_policy(TrainState& state, const AnyContext& context, const RunFile& run,
                   const Dataset& data, const Parts& parts, Model& model, const Say& say);

/// The state's policy as the run folder's drawn.json.
std::string decided_json(const TrainState& state, const RunFile& run, Model& model);

}  // namespace weft
