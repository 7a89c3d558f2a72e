// What a policy can be told ([policy] in the run file).
#pragma once

#include "engine/words.h"

namespace weft {

/// The first logits [select, skip]: [0.5, 0.5]; 1e-3 N(0, 1); or [0, init_neg_logits].
enum class PolicyInit : uint8_t { equal, random, all_chosen };
constexpr std::array<const char*, 3> words_of(PolicyInit) {
  return {"equal", "random", "all_chosen"};
}

/// What makes a policy sparse, over the active blocks (Policy::sparsity_loss has the formulas).
enum class SparsityForm : uint8_t { log_skip, log_skip_depth, log_select };
constexpr std::array<const char*, 3> words_of(SparsityForm) {
  return {"log-skip", "log-skip-depth", "log-select"};
}

/// At which end of the trunk the curriculum begins: the paper's unlocks the last block first.
enum class CurriculumFrom : uint8_t { last, first };
constexpr std::array<const char*, 2> words_of(CurriculumFrom) { return {"last", "first"}; }

struct PolicyOptions {
  PolicyInit init_method = PolicyInit::equal;
  double init_neg_logits = -10;
  int skip_layer = 0;  ///< first blocks that every task always executes
  CurriculumFrom curriculum_from = CurriculumFrom::last;
};

}  // namespace weft
