// conv2d forward and backward_input by Hopper's wgmma and TMA: the kernel's arguments and which
// block makes what. The product is conv2d_classes_cuda.cuh's. A class of visible taps is a box of
// pixels [images, rows, columns] in `from` and another in `to`, so one tensor map in im2col mode
// (engine/cuda/tensor_map.h) brings any 128 of its pixels at once, a tap being no more than an
// offset; and another takes the result back. Past the class's last pixel the TMA reads zeros and
// writes nothing.
// All tiles of all classes, deepest first, are items of a list. Blocks stay and take whole items in
// turn, to and fro; or, where that would leave many idle at the end, equal shares of the line of
// all items' stages, wherever these begin and end (stream-K; conv2d_hopper_shares_cuda.cuh).
#pragma once

#include "ops/conv2d_classes_cuda.cuh"
#include "ops/conv2d_hopper_cuda.cuh"

namespace weft::hopper_conv {

constexpr int most_classes = 16, most_class_taps = tensor_conv::max_taps * tensor_conv::max_taps;

struct ClassArgs {
  int rows, columns, pixels;    ///< of one image; pixels: of all images
  int stages;                   ///< of each of its tiles
  int first_item, first_stage;  ///< of its tiles in the list of all, and of their stages
  uint8_t tap[most_class_taps], off_h[most_class_taps], off_w[most_class_taps];
};

/// More than 4 KB, which kernels take from CUDA 12.1 on.
template <class T>
struct GatherArgs {
  CUtensorMap weight, from[most_classes], to[most_classes];
  ClassArgs list[most_classes];
  int classes, items, stages, blocks;
  int across;     ///< tiles side by side in n
  int tap_steps;  ///< stages of one tap
  int depth, columns, source_step;
  bool shares;      ///< stages are divided, not items
  bool adds;        ///< to what is there
  float* parts;     ///< sums that another block began: [blocks][two halves of m][sums][128 threads]
  uint64_t* flags;  ///< [blocks][halves]: `tag` once the part is there
  uint64_t tag;
  const T* bias;
};

/// `count` stages of an item from `first` on: tile m, n of a class.
struct Segment {
  int index, m, n, first, count, stages;  ///< index: of the class; stages: of the whole tile
};

/// What this block does, segment by segment; its two roles walk the same ones.
/// Blocks start in order of their index, so the highest share goes to the first: whoever waits,
/// waits for higher shares, which have begun already, however few blocks the card runs at once.
template <class T>
struct Schedule {
  const GatherArgs<T>& a;
  int share, at, end;
  __device__ explicit Schedule(const GatherArgs<T>& args)
      : a(args), share(a.blocks - 1 - static_cast<int>(blockIdx.x)) {
    at = a.shares ? begin_of(share) : 0;
    end = a.shares ? begin_of(share + 1) : 0;
  }
  __device__ int begin_of(int i) const {
    return static_cast<int>(int64_t{a.stages} * i / a.blocks);
  }
  __device__ bool next(Segment& s) { return a.shares ? next_stages(s) : next_item(s); }

 private:
  __device__ bool next_stages(Segment& s) {
    if (at >= end) return false;
    s.index = a.classes - 1;
    while (a.list[s.index].first_stage > at) --s.index;
    const ClassArgs& c = a.list[s.index];
    const int local = at - c.first_stage, item = local / c.stages;
    s.first = local - item * c.stages;
    s.count = min(c.stages - s.first, end - at);
    place(s, item);
    at += s.count;
    return true;
  }
  __device__ bool next_item(Segment& s) {
    for (; at * a.blocks < a.items; ++at) {  // `at` counts rounds
      const int item = at * a.blocks + (at % 2 == 0 ? share : a.blocks - 1 - share);
      if (item >= a.items) continue;
      s.index = a.classes - 1;
      while (a.list[s.index].first_item > item) --s.index;
      s.first = 0;
      s.count = a.list[s.index].stages;
      place(s, item - a.list[s.index].first_item);
      ++at;
      return true;
    }
    return false;
  }
  __device__ void place(Segment& s, int item) const {
    s.m = item / a.across;
    s.n = item - s.m * a.across;
    s.stages = a.list[s.index].stages;
  }
};

/// Row `m` of a class as coordinates of its maps, `step` from one pixel to the next.
struct PixelPlace {
  int column, row, image;
  __device__ PixelPlace(const ClassArgs& c, int m, int step) {
    const int line = m / c.columns;
    image = line / c.rows;
    column = (m - line * c.columns) * step;
    row = (line - image * c.rows) * step;
  }
};

/// The thread that fills: all stages of all of the block's segments.
template <class B>
__device__ void fill(const GatherArgs<typename B::T>& a, typename B::Stages& ring) {
  Schedule<typename B::T> schedule(a);
  Segment s;
  while (schedule.next(s)) {
    const ClassArgs& c = a.list[s.index];
    const PixelPlace place(c, s.m * B::m, a.source_step);
    const int first_n = s.n * B::n;
    int tap = s.first / a.tap_steps, k = (s.first - tap * a.tap_steps) * B::k;
    for (int i = 0; i < s.count; ++i) {
      ring.begin_filling(B::stage_bytes);
#pragma unroll
      for (int part = 0; part < B::parts; ++part)
        tma::load_pixels(ring.stage() + part * B::left_part, &a.from[s.index], ring.barrier(),
                         part * a.tap_steps * B::k + k, place.column, place.row, place.image,
                         c.off_w[tap], c.off_h[tap]);
      const uint32_t weights = ring.stage() + B::left_bytes;
      if constexpr (B::right_mn) {  // weight [k, t, n] as it lies: 64 n by the stage's k at once
#pragma unroll
        for (int b = 0; b < B::n / 64; ++b)
          tma::load_weight(weights + b * wgmma::block_bytes, &a.weight, ring.barrier(),
                           first_n + 64 * b, c.tap[tap], k);
      } else {
#pragma unroll
        for (int part = 0; part < B::parts; ++part)
          tma::load_weight(weights + part * B::right_part, &a.weight, ring.barrier(),
                           part * a.tap_steps * B::k + k, c.tap[tap], first_n);
      }
      ring.advance();
      k += B::k;
      if (k >= a.depth) k = 0, ++tap;
    }
  }
}

}  // namespace weft::hopper_conv
