// Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, 2016, arXiv 1509.09308), for 3x3 convolutions
// of stride 1: of 4 x 4 outputs and one channel
//   y = A^T [ sum over c of (G w_c G^T) . (B^T d_c B) ] A      d: 6 x 6 inputs, . element by element
// 36 products instead of 144; the sums over c are 36 matrix products m [tiles, K] = v [tiles, C] u [C, K].
// Under a dilation each d x d interleaved part of the map is a problem of its own. Points 0, +-1/sqrt(2),
// +-sqrt(2), infinity: errors are 5 times those of plain sums, where 0, +-1, +-2 give 10 times them.
#pragma once

#include "runner/kernels.h"

namespace weft::runner {

inline constexpr float winograd_a = 0.70710678118654752440f, winograd_b = 1.41421356237309504880f;

/// Tiles of 4 among the outputs of one direction that are problem, problem + dilation, .. (Static: each
/// instruction set has its own.)
static inline int64_t winograd_tiles(int64_t outs, int64_t dilation, int64_t problem) {
  return problem < outs ? ((outs - problem + dilation - 1) / dilation + 3) / 4 : 0;
}

/// Where things lie, in floats.
struct WinogradLayout {
  int64_t channels, columns;  ///< C; K up to whole vectors
  int64_t tiles, across;      ///< of the map; of a row of tiles
  int64_t block;              ///< tiles at once, at most
  int64_t v_plane, m_plane;   ///< of v and m, from one of the 36 to the next
  int64_t zeros;              ///< a run of them: pixels outside of the map
  int64_t scratch;            ///< of all that a thread writes
};

/// Where so many threads share the tiles; more of them than a thread's share come block by block.
WinogradLayout winograd_layout(const Kernels& kernels, const ConvWork& work, int64_t threads);

/// Whether it takes less time than kernels.conv: a rule that was measured (bench/results/latency_cpu.md), of
/// shapes alone, so that bits are the same on any threads.
bool winograd_pays(const ConvWork& work);

/// Floats of the transformed weights, and weight [K, 3, 3, C] -> u [36][panels of pack_weights()][C].
int64_t winograd_size(const Kernels& kernels, int64_t outs, int64_t channels);
void winograd_weights(const Kernels& kernels, const float* weight, int64_t outs, int64_t channels,
                      float* u);

}  // namespace weft::runner
