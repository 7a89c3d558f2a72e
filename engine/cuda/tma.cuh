// Hopper's tensor memory accelerator (TMA) and the barriers that tell of it. One thread asks for a
// box of a tensor by its map (engine/cuda/tensor_map.h); the box comes to shared memory on its own,
// in rows of 128 bytes that are rotated in groups of eight, and its bytes are counted by a barrier:
// an mbarrier of 8 bytes, whose phases take turns as parities 0, 1, 0, .. A phase ends once its
// arrivals and the bytes expected are there.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace weft::tma {

// Barriers, by their addresses in shared memory.

__device__ inline void init_barrier(uint32_t barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(barrier), "r"(arrivals));
}
/// The TMA sees what was initialised; the block's threads do after a barrier of their own.
__device__ inline void publish_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
}
/// Arrives, and adds to the bytes that this phase waits for.
__device__ inline void expect(uint32_t barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(barrier), "r"(bytes)
               : "memory");
}
__device__ inline void arrive(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(barrier) : "memory");
}
/// Waits for the end of the phase of this parity; a fresh barrier's parity 1 counts as ended.
__device__ inline void wait(uint32_t barrier, int parity) {
  uint32_t ended = 0;
  while (ended == 0)
    asm volatile(
        "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.b32 %0, 1, 0, p;\n}\n"
        : "=r"(ended)
        : "r"(barrier), "r"(parity)
        : "memory");
}
/// Barrier `id` (1 to 15; 0 is __syncthreads) of `count` threads.
template <int count>
__device__ inline void sync_threads(int id) {
  asm volatile("bar.sync %0, %1;\n" ::"r"(id), "n"(count) : "memory");
}
/// Registers a thread of this warpgroup keeps from now on: fewer, or more of those given away.
template <int count>
__device__ inline void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(count));
}
template <int count>
__device__ inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(count));
}

// Boxes.

/// A pixel_map's pixels from (column w, row h, image n) on, 128 bytes from channel c; all of them
/// are read off_w columns and off_h rows further.
__device__ inline void load_pixels(uint32_t to, const CUtensorMap* map, uint32_t barrier, int c,
                                   int w, int h, int n, int off_w, int off_h) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%3, %4, %5, %6}], [%2], {%7, %8};\n" ::"r"(to),
      "l"(map), "r"(barrier), "r"(c), "r"(w), "r"(h), "r"(n), "h"(static_cast<uint16_t>(off_w)),
      "h"(static_cast<uint16_t>(off_h))
      : "memory");
}
/// A weight_map's rows from `row` on, of one tap, 128 bytes from channel c.
__device__ inline void load_weight(uint32_t to, const CUtensorMap* map, uint32_t barrier, int c,
                                   int tap, int row) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%3, %4, %5}], [%2];\n" ::"r"(to),
      "l"(map), "r"(barrier), "r"(c), "r"(tap), "r"(row)
      : "memory");
}
/// The way back; what lies outside the map is not written.
__device__ inline void store_pixels(const CUtensorMap* map, uint32_t from, int c, int w, int h,
                                    int n) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.im2col_no_offs.bulk_group [%0, {%2, %3, %4, "
      "%5}], [%1];\n" ::"l"(map),
      "r"(from), "r"(c), "r"(w), "r"(h), "r"(n)
      : "memory");
}
/// The same, added to what is there, rounded to nearest in its type.
__device__ inline void add_pixels(const CUtensorMap* map, uint32_t from, int c, int w, int h,
                                  int n) {
  asm volatile(
      "cp.reduce.async.bulk.tensor.4d.global.shared::cta.add.im2col_no_offs.bulk_group [%0, {%2, "
      "%3, %4, %5}], [%1];\n" ::"l"(map),
      "r"(from), "r"(c), "r"(w), "r"(h), "r"(n)
      : "memory");
}
/// What ordinary instructions wrote to shared memory becomes visible to the TMA.
__device__ inline void publish_shared() {
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
}
__device__ inline void commit_stores() {
  asm volatile("cp.async.bulk.commit_group;\n" ::: "memory");
}
/// This thread's stores have read shared memory, which may be written again.
__device__ inline void wait_stores_read() {
  asm volatile("cp.async.bulk.wait_group.read 0;\n" ::: "memory");
}
__device__ inline void wait_stores() { asm volatile("cp.async.bulk.wait_group 0;\n" ::: "memory"); }

/// Four 8x8 matrices of 16-bit pairs to shared memory: lane l names row l % 8 of matrix l / 8.
__device__ inline void store_matrices(uint32_t at, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};\n" ::"r"(at),
               "r"(a), "r"(b), "r"(c), "r"(d)
               : "memory");
}

}  // namespace weft::tma
