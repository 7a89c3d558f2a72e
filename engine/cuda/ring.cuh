// A ring of stages in shared memory between one thread that fills them by the TMA and `warps` warps
// that multiply them; neither ever meets the other at a barrier of the whole block. Each stage has
// two barriers: `full`, the bytes asked for have come, and `empty`, every warp has left it. The
// thread that fills waits for `empty`, which counts as reached the first time round, and is ahead by
// as many stages as there are; the warps wait for `full`. All of them walk the same stages in the
// same order, each with a Ring of its own: its slot, and the parity of the round.
#pragma once

#include "engine/cuda/tma.cuh"

namespace weft {

template <int stages, int stage_bytes, int warps>
struct Ring {
  static constexpr int bytes = stages * (stage_bytes + 16);

  uint32_t stages_at, full, empty;
  int slot = 0, round = 0;

  /// From `memory` on, a multiple of 1024 in shared memory.
  __device__ explicit Ring(uint32_t memory)
      : stages_at(memory), full(memory + stages * stage_bytes), empty(full + 8 * stages) {}

  /// By one thread, before a barrier of the block.
  __device__ void init() const {
    for (int s = 0; s < stages; ++s) {
      tma::init_barrier(full + 8 * s, 1);
      tma::init_barrier(empty + 8 * s, warps);
    }
    tma::publish_barriers();
  }
  __device__ uint32_t stage() const { return stages_at + slot * stage_bytes; }
  __device__ uint32_t barrier() const { return full + 8 * slot; }
  /// The stage is free; `coming` bytes of loads that end at barrier() will fill it.
  __device__ void begin_filling(int coming) const {
    tma::wait(empty + 8 * slot, round ^ 1);
    tma::expect(barrier(), coming);
  }
  __device__ void wait_full() const { tma::wait(barrier(), round); }
  /// By one lane of each warp, once its products of stage `s` are done.
  __device__ void leave(int s) const { tma::arrive(empty + 8 * s); }
  __device__ void advance() {
    if (++slot < stages) return;
    slot = 0;
    round ^= 1;
  }
};

}  // namespace weft
