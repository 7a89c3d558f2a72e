// Optimal string alignment over two rows of history.
#include "train/run_file/toml/nearest.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace weft {

int edit_distance(const std::string& a, const std::string& b) {
  const size_t n = b.size();
  std::vector<int> before(n + 1), last(n + 1), row(n + 1);
  for (size_t j = 0; j <= n; ++j) last[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= n; ++j) {
      const int change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[n];
}

namespace {

std::string last_part(const std::string& key) {
  const size_t dot = key.rfind('.');
  return dot == std::string::npos ? key : key.substr(dot + 1);
}

/// At least so many edits make b of a: letters that the longer one has alone are put in or changed.
int least_distance(const std::string& a, const std::string& b) {
  std::array<int, 256> left{};
  for (const char c : a) ++left[static_cast<unsigned char>(c)];
  int common = 0;
  for (const char c : b) common += left[static_cast<unsigned char>(c)]-- > 0;
  return static_cast<int>(std::max(a.size(), b.size())) - common;
}

/// 2 edit_distance + `more` where that is below `most`, else `most`.
int cost(const std::string& a, const std::string& b, int more, int most) {
  if (2 * least_distance(a, b) + more >= most) return most;
  return std::min(2 * edit_distance(a, b) + more, most);
}

}  // namespace

std::string nearest(const std::string& given, const std::vector<std::string>& candidates) {
  // The end of what is longer than any candidate tells them no better apart.
  size_t longest = 0;
  for (const std::string& candidate : candidates) longest = std::max(longest, candidate.size());
  const std::string word = given.substr(0, longest + 8);
  const std::string last = last_part(given).substr(0, longest + 8);
  std::string best;
  int best_distance = std::numeric_limits<int>::max();
  for (const std::string& candidate : candidates) {
    // A misspelt key in its own table beats the same key in another one: the move costs a half.
    const int whole = cost(word, candidate, 0, best_distance);
    const int distance = std::min(whole, cost(last, last_part(candidate), 3, whole));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace weft
