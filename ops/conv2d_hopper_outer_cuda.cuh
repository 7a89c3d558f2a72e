// conv2d backward_weight by Hopper's wgmma and TMA: the kernel. dweight[k, t, c] = sum over the pixels
// m that tap t sees inside the image of dy[m, k] x[source(m, t), c]. Pixels are what is summed, and
// both factors are read as they lie, MN-major (engine/cuda/wgmma.cuh), which bf16 alone can: a stage
// is 64 pixels, in rows of 128 bytes of channels. Each tap sums over its own box of pixels, and
// tensor maps in im2col mode walk the box in dy and in x alike.
// In TF32 each factor is the sum of two bf16, high + low, 16 bits of it together, and a product is
// three: high high + high low + low high. What is left out is below 2^-16 of it, where TF32 rounds
// to 2^-11. They follow on each other, stage by stage, as terms of one sum. In f32x6 each is three
// parts, [pixels, 3, channels], which come in one stage (conv2d_hopper_split_cuda.cuh).
// A block owns one tile of k by c and a share of the line of all taps' stages; the blocks of a share
// walk the same pixels side by side. What a share adds to a tap is a part; a second kernel adds a
// tap's parts in order, part[tap + share][k][c]: the line is cut between neighbours, so a tap's
// shares follow on each other and no two of these numbers meet. One share needs no parts.
#pragma once

#include "ops/conv2d_hopper_cuda.cuh"

namespace weft::hopper_conv {

constexpr int most_taps = 9, stage_pixels = 64, shortest_share = 4;

/// A tap that sees the image: `index` in the weight, its box of pixels, its stages on the line (each
/// 64 pixels once for each term).
struct TapArgs {
  int index, rows, columns, first_stage, stages, first_share, last_share;
};

/// T: of x and dy; parts: of a factor in one stage.
template <class T, int parts_ = 1>
struct OuterArgs {
  /// Products of bf16 that make one of T, a stage each.
  static constexpr int terms = sizeof(T) == 2 || parts_ == 3 ? 1 : 3;
  static constexpr int halves = terms == 1 ? 1 : 2;  ///< high and low
  CUtensorMap dy[halves][most_taps], x[halves][most_taps];
  TapArgs list[most_taps];
  int taps, all_taps;  ///< that see the image; of the weight
  int stages, shares, tiles, across, k, c;
  int k_part, c_part;  ///< channels from part to part
  float* parts;        ///< [taps + shares - 1][k][c]; null: there is one share
  float* dweight;

  __host__ __device__ int begin_of(int share) const {
    return static_cast<int>(int64_t{stages} * share / shares);
  }
};

/// What one block sums: its tile, and stages `begin` .. `end` - 1, tap by tap.
template <class Args>
struct Walk {
  const Args& a;
  int share, first_k, first_c, at, end, tap;
  __device__ Walk(const Args& args, int m, int n)
      : a(args), share(static_cast<int>(blockIdx.x) / a.tiles), tap(a.taps - 1) {
    const int tile = static_cast<int>(blockIdx.x) - share * a.tiles;
    first_k = tile / a.across * m;
    first_c = tile % a.across * n;
    at = a.begin_of(share);
    end = a.begin_of(share + 1);
    while (a.list[tap].first_stage > at) --tap;
  }
  /// Stages of the tap at hand, from `first` of its own on; the next tap is `tap + 1`.
  __device__ int next(int& first) {
    first = at - a.list[tap].first_stage;
    const int count = min(a.list[tap].stages - first, end - at);
    at += count;
    return count;
  }
};

template <class B, class Args>
__device__ void fill_outer(const Args& a, typename B::Stages& ring) {
  Walk<Args> walk(a, B::m, B::n);
  // Boxes past the last channel would be zeros: rows and columns of the sum that nobody stores.
  const int left = min(B::m / 64, (a.k - walk.first_k + 63) / 64);
  const int right = min(B::n / 64, (a.c - walk.first_c + 63) / 64);
  for (; walk.at < walk.end; ++walk.tap) {
    const int t = walk.tap;
    int first;
    const int count = walk.next(first);
    for (int i = 0; i < count; ++i) {
      constexpr int terms = Args::terms;
      const int term = (first + i) % terms;
      const CUtensorMap *dy = &a.dy[term == 2][t], *x = &a.x[term == 1][t];
      const int m = (first + i) / terms * stage_pixels, line = m / a.list[t].columns;
      const int column = m - line * a.list[t].columns, image = line / a.list[t].rows;
      const int row = line - image * a.list[t].rows;
      ring.begin_filling(B::parts * (left + right) * wgmma::block_bytes);
      for (int part = 0; part < B::parts; ++part) {
        const uint32_t dy_at = ring.stage() + part * B::left_part;
        const uint32_t x_at = ring.stage() + B::left_bytes + part * B::right_part;
        for (int b = 0; b < left; ++b)
          tma::load_pixels(dy_at + b * wgmma::block_bytes, dy, ring.barrier(),
                           part * a.k_part + walk.first_k + 64 * b, column, row, image, 0, 0);
        for (int b = 0; b < right; ++b)
          tma::load_pixels(x_at + b * wgmma::block_bytes, x, ring.barrier(),
                           part * a.c_part + walk.first_c + 64 * b, column, row, image, 0, 0);
      }
      ring.advance();
    }
  }
}

/// The sums of this block's share of a tap, to their part or to dweight itself.
template <class B, class Args>
__device__ __forceinline__ void store_outer(const Args& a, const Walk<Args>& walk, int half,
                                            const typename B::Sum& sum) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x % 128 / 32;
#pragma unroll
  for (int b = 0; b < B::m_blocks; ++b)
#pragma unroll
    for (int upper = 0; upper < 2; ++upper) {
      const int k = walk.first_k + (half * B::m_blocks + b) * 64 + 16 * warp + 8 * upper + lane / 4;
      if (k >= a.k) continue;
      float* const part = a.parts + (int64_t{walk.tap + walk.share} * a.k + k) * a.c;
      float* const out = a.dweight + (int64_t{k} * a.all_taps + a.list[walk.tap].index) * a.c;
#pragma unroll
      for (int j = 0; j < B::n / 8; ++j) {
        const int c = walk.first_c + 8 * j + lane % 4 * 2;
        if (c >= a.c) continue;  // c is even, and so is a.c
        const float u = sum[b][4 * j + 2 * upper], v = sum[b][4 * j + 2 * upper + 1];
        if (a.parts != nullptr)
          store_pair(part + c, u, v);
        else
          store_pair(out + c, u, v);
      }
    }
}

template <class B>
constexpr int outer_bytes = 1024 + B::Stages::bytes;  ///< and room to align

template <class B, class Args>
__global__ void __launch_bounds__(threads, 1) outer_kernel(const __grid_constant__ Args a) {
#ifdef WEFT_WGMMA
  extern __shared__ unsigned char memory[];
  typename B::Stages ring(aligned_shared(memory));
  if (threadIdx.x == 0) ring.init();
  __syncthreads();
  if (threadIdx.x < 128) {
    tma::give_registers<filling_registers>();
    if (threadIdx.x == 0) fill_outer<B>(a, ring);
    return;
  }
  tma::take_registers<multiplying_registers>();
  const int half = static_cast<int>(threadIdx.x) / 128 - 1;
  Walk<Args> walk(a, B::m, B::n);
  typename B::Sum sum;
  for (; walk.at < walk.end; ++walk.tap) {
    int first;
    multiply_stages<B>(ring, half, walk.next(first), sum);
    store_outer<B>(a, walk, half, sum);
  }
#endif
}

}  // namespace weft::hopper_conv
