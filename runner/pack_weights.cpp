// pack_weights: panel by panel.
#include <algorithm>

#include "runner/kernels.h"

namespace weft::runner {
namespace {

/// Channels of the panel that begins at `c` of a group's.
int64_t panel_width(const Kernels& kernels, int64_t group, int64_t c) {
  return group - c <= kernels.lanes ? kernels.lanes : 2 * kernels.lanes;
}

}  // namespace

int64_t packed_size(const Kernels& kernels, int64_t outs, int64_t taps, int64_t groups) {
  int64_t columns = 0;
  for (int64_t c = 0; c < outs / groups; c += 2 * kernels.lanes)
    columns += panel_width(kernels, outs / groups, c);
  return groups * columns * taps;
}

void pack_weights(const Kernels& kernels, const float* weight, int64_t outs, int64_t taps,
                  int64_t groups, float* packed) {
  const int64_t group = outs / groups;
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t c = 0; c < group; c += 2 * kernels.lanes) {
      const int64_t wide = panel_width(kernels, group, c);
      const int64_t filled = std::min(wide, group - c);
      for (int64_t tap = 0; tap < taps; ++tap, packed += wide) {
        std::fill_n(packed, wide, 0.0f);
        for (int64_t i = 0; i < filled; ++i) packed[i] = weight[(g * group + c + i) * taps + tap];
      }
    }
}

}  // namespace weft::runner
