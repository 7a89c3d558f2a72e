// Levels of a residual block's inner channels, as DEN chooses among them: level 0 to 3 execute
// 0, 25, 50 or 100 % of them, a prefix, so that a level's channels are among the next one's.
//   m inner channels: group 0 is [0, ceil(m/4)), group 1 to ceil(m/2), group 2 to m
//   level n executes groups 0 .. n - 1
#pragma once

#include <array>
#include <cstdint>

namespace weft {

constexpr int all_channels = 3;  ///< the highest level, and how many groups there are
constexpr std::array<double, all_channels + 1> level_shares{0, 0.25, 0.5, 1};

/// How many of `inner` channels a level executes.
constexpr int64_t channels_at(int64_t inner, int level) {
  return level == 0 ? 0 : level == 1 ? (inner + 3) / 4 : level == 2 ? (inner + 1) / 2 : inner;
}

}  // namespace weft
