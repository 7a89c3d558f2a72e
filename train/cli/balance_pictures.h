// Pictures of balance.jsonl, where a run was watched (balance.watch): pictures/cosines.svg, which
// tasks pull against each other; gradient_norms.svg and weights.svg, step by step.
#pragma once

#include <string>
#include <vector>

namespace weft::cli {

/// Nothing where the folder has no balance.jsonl, or its tasks share nothing.
void write_balance_pictures(const std::string& folder, const std::vector<std::string>& tasks);

}  // namespace weft::cli
