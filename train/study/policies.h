// What the policies of a study's seeds have in common: which task executes which block, and how alike
// two tasks' policies are. With s_kl = 1 where task k's chosen policy executes block l of L,
// p_kl = p(select) as learned, and q_k = sum_l s_kl / L:
//   same       sum_l [s_il = s_jl] / L
//   by chance  q_i q_j + (1 - q_i) (1 - q_j): what `same` would be, on average, if the two policies
//              executed as many blocks as they do, each wherever it likes
//   |dp|       sum_l |p_il - p_jl| / L
// Tasks that are related should have more in common than chance gives them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/study/tables.h"

namespace weft {

/// The likeness of two tasks in one run.
struct PolicyLikeness {
  double same = 0, by_chance = 0, distance = 0;
};
PolicyLikeness policy_likeness(const RunSummary& run, size_t i, size_t j);

/// Per set and method with a policy: a table of tasks x blocks (how many of the seeds execute it, and
/// the mean p(select)), and one of pairs of tasks. Markdown; empty where nothing has a policy.
std::string study_policies(const Study& study, const std::vector<StudyResult>& results);

/// "SET-METHOD-SEED" and the policy's picture as SVG, of every finished run that has one.
std::vector<std::pair<std::string, std::string>> policy_pictures(
    const std::vector<StudyResult>& results);

}  // namespace weft
