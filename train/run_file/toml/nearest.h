// "Did you mean": the word nearest to a mistyped one, by edit distance.
#pragma once

#include <string>
#include <vector>

namespace weft {

/// The least number of insertions, deletions, substitutions and swaps of neighbours.
int edit_distance(const std::string& a, const std::string& b);

/// The candidate nearest to `word` (the first of equals), or "" where there is none.
/// Dotted keys are compared whole and by their last part, so that a right key in the wrong table
/// finds its place.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace weft
