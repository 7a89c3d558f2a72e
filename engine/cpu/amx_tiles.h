// What a processor with AMX does for gemm_bf16.cpp: its tile registers, and the packing of 32-bit
// floats into whole tiles of bf16, 1 KiB each, with zeros past every border:
//   of a: 16 rows of 32 k        of b: 16 pairs (k, k + 1) of 16 columns
// Functions carry the instruction set themselves (WEFT_AMX), so nothing else is compiled for a
// processor that may not be there. x86-64 alone.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>

#define WEFT_AMX [[gnu::target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")]]

namespace weft::gemm_bf16 {

constexpr int side = 16, deep = 32;  // of a tile: rows or columns, and k
constexpr int64_t tile_size = side * deep;

/// What _tile_loadconfig reads: eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// While it lives, this thread has its tiles.
class Tiles {
 public:
  WEFT_AMX Tiles() {
    static constexpr TileConfig config;  // not on the stack: compilers think 8 bytes of it are read
    _tile_loadconfig(&config);
  }
  WEFT_AMX ~Tiles() { _tile_release(); }
};

/// The compiler does not know what memory tile instructions read and write.
inline void memory_is_touched() { asm volatile("" ::: "memory"); }

/// row[i] holds 16 elements of 32 bits; afterwards element i of each is row i's.
WEFT_AMX inline void transpose(__m512i* row) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(row[i], row[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(row[i], row[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    row[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    row[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    row[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    row[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int j = 0; j < 4; ++j) {  // row[4 i + j] has columns j, 4 + j, 8 + j, 12 + j of four rows
    const __m512i a = _mm512_shuffle_i32x4(row[j], row[4 + j], 0x44);
    const __m512i b = _mm512_shuffle_i32x4(row[8 + j], row[12 + j], 0x44);
    const __m512i c = _mm512_shuffle_i32x4(row[j], row[4 + j], 0xEE);
    const __m512i d = _mm512_shuffle_i32x4(row[8 + j], row[12 + j], 0xEE);
    t[j] = _mm512_shuffle_i32x4(a, b, 0x88);
    t[4 + j] = _mm512_shuffle_i32x4(a, b, 0xDD);
    t[8 + j] = _mm512_shuffle_i32x4(c, d, 0x88);
    t[12 + j] = _mm512_shuffle_i32x4(c, d, 0xDD);
  }
  for (int i = 0; i < 16; ++i) row[i] = t[i];
}

/// The first `count` of 16 floats, then zeros.
WEFT_AMX inline __m512 load(const float* from, int64_t count) {
  if (count >= side) return _mm512_loadu_ps(from);
  const int64_t kept = std::max<int64_t>(count, 0);
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << kept) - 1), from);
}

/// 32 bf16: those of `low`, and behind them those of `high`.
WEFT_AMX inline __m512i rounded(__m512 low, __m512 high) {
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/// 16 pairs: element i of both.
WEFT_AMX inline __m512i paired(__m512 first, __m512 second) {
  alignas(64) static constexpr uint16_t order[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                     21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                     11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(order), rounded(first, second));
}

/// One tile of 16 rows along k: row[i][k .. k + 32), of which `left` are there; flip: as pairs of k,
/// for b.
WEFT_AMX inline void pack_along_k(const float* const* row, int64_t k, int64_t left, bool flip,
                                  uint16_t* to) {
  __m512i lines[side];
  for (int i = 0; i < side; ++i)
    lines[i] = rounded(load(row[i] + k, left), load(row[i] + k + side, left - side));
  if (flip) transpose(lines);
  for (int i = 0; i < side; ++i) _mm512_store_si512(to + i * deep, lines[i]);
}

/// One tile of 16 columns from 32 rows across k: row[k][column .. column + count), then zeros; flip: as
/// rows of k, for a.
WEFT_AMX inline void pack_across_k(const float* const* row, int64_t column, int64_t count,
                                   bool flip, uint16_t* to) {
  __m512i lines[side];
  for (int i = 0; i < side; ++i)
    lines[i] = paired(load(row[2 * i] + column, count), load(row[2 * i + 1] + column, count));
  if (flip) transpose(lines);
  for (int i = 0; i < side; ++i) _mm512_store_si512(to + i * deep, lines[i]);
}

}  // namespace weft::gemm_bf16
