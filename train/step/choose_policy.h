// From a learned policy to the one that is re-trained: sampled once, sampled n times and chosen
// on validation data, or the most likely one (run file: policy.choose, whose words call a sample a
// draw). Degenerate ones are refused with a reason. Uses Philox's policy stream: the same seed
// samples the same policies.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/policy.h"
#include "train/run_file/run_file.h"

namespace weft {

struct PolicyChoice {
  BinaryPolicy policy;
  std::string how;                   ///< in a sentence: which was taken, and why
  std::vector<std::string> refused;  ///< why samples were refused
};

/// Validation score (train/step/choice.h) of the learned network under a policy; lower is better.
using PolicyScore = std::function<double(const BinaryPolicy&)>;

/// Without a score (no validation data), "validation" takes the first sound sample. compat refuses
/// none, as the official code.
PolicyChoice choose_policy(const Policy& policy, const std::vector<std::string>& tasks,
                           const std::vector<std::string>& blocks, const PolicySpec& spec,
                           uint64_t seed, const PolicyScore& score,
                           Semantics semantics = Semantics::sound);

/// The first policy epoch whose policy may be the search's best: all `blocks` have then been
/// learned for `curriculum_speed` epochs. compat: the official code reckons with 18 blocks of the
/// dilated ResNet-34, which has 16 (its DomainNet branch, of the plain one, with 16).
int64_t first_best_epoch(const RunFile& run, int blocks);

/// The names of a trunk's blocks, in order.
std::vector<std::string> block_names(const Trunk& trunk);

}  // namespace weft
