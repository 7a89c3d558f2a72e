// How a product's C is shared out among threads, in chunks of whole register tiles. The cut says
// who computes what, and never in which order an element is summed: so it follows the number of
// threads, while k, whose pieces are sums of their own, is cut by sizes alone (gemm.cpp).
#pragma once

#include <algorithm>
#include <cstdint>

namespace weft::gemm_detail {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// 0 .. n-1 in `count` nearly equal pieces; every border but the last is a multiple of `unit`.
struct Cut {
  int64_t n, unit, count;
  Cut(int64_t n_, int64_t pieces, int64_t unit_ = 1)
      : n(n_), unit(unit_), count(std::clamp<int64_t>(pieces, 0, ceil_div(n_, unit_))) {}
  int64_t begin(int64_t i) const { return std::min(n, ceil_div(n, unit) * i / count * unit); }
  int64_t end(int64_t i) const { return begin(i + 1); }
};

/// One side of C.
struct Side {
  int64_t size, unit;  ///< rows or columns; those of one tile
  int64_t most;        ///< tiles of one chunk
  int64_t cost;        ///< of reading or packing one of a chunk's, in multiply-adds for each k
};

struct Chunks {
  int64_t along_a, along_b;
};

/// The chunks with which the busiest of `threads` is done first; b is the side without a limit.
/// Every block of C is computed `times` times, for each piece of k.
inline Chunks share_out(const Side& a, const Side& b, int64_t times, int64_t threads) {
  const int64_t a_tiles = ceil_div(a.size, a.unit), b_tiles = ceil_div(b.size, b.unit);
  Chunks best{ceil_div(a_tiles, a.most), 1};
  if (threads == 1) return best;
  int64_t least = INT64_MAX;
  for (int64_t tiles = std::min(a.most, a_tiles); tiles > 0; --tiles) {
    const int64_t along_a = ceil_div(a_tiles, tiles), blocks = along_a * times;
    const int64_t of_a = std::min(a.size, ceil_div(a_tiles, along_a) * a.unit);
    const int64_t first = ceil_div(blocks, threads);
    for (int64_t rounds = first; rounds < first + 4; ++rounds) {
      const int64_t along_b = std::clamp<int64_t>(rounds * threads / blocks, 1, b_tiles);
      const int64_t of_b = std::min(b.size, ceil_div(b_tiles, along_b) * b.unit);
      const int64_t chunk = of_a * of_b + of_a * a.cost + of_b * b.cost;
      const int64_t busiest = ceil_div(blocks * along_b, threads) * chunk;
      if (busiest >= least) continue;  // of equal ones, that of fewer chunks
      least = busiest;
      best = {along_a, along_b};
    }
  }
  return best;
}

/// Threads that a product of so many multiply-adds keeps busy for longer than they take to start.
inline int64_t useful_threads(int64_t macs, int64_t threads) {
  constexpr int64_t enough = 1 << 19;  // 5 us of a core with AVX-512
  return std::clamp<int64_t>(macs / enough, 1, threads);
}

}  // namespace weft::gemm_detail
