// Products of bf16 by AMX tiles: a block of b and one of a are packed into tiles (amx_tiles.h), those
// of one product one behind the other along k, and multiplied 2 x 2 tiles of C at a time.
#include "engine/cpu/gemm_bf16.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/cpu/gemm_cut.h"
#include "engine/cpu/gemm_pack.h"
#include "engine/error.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/cpu/amx_tiles.h"

namespace weft::gemm_bf16 {
namespace {

using gemm_detail::ceil_div;
using gemm_detail::Cut;
using gemm_detail::row_of;
using gemm_detail::zero_row;

// 32 columns of b stay in the first cache; all of a, b and what is summed up of C in the second.
constexpr int64_t k_block = 512, m_block = 256, n_block = int64_t{unit} * most_columns;
constexpr int64_t c_in_cache = 1 << 18;

struct Workspace {
  alignas(64) uint16_t a[m_block * k_block];
  alignas(64) uint16_t b[n_block * k_block];
  alignas(64) float c[2][2][side * side];
  float line[deep][n_block];
};

/// C[m0 .. m1, n0 .. n1) of `depth` tiles along k: up to 2 x 2 tiles, into ws.c.
WEFT_AMX void multiply(const uint16_t* a, const uint16_t* b, int64_t depth, bool two_rows,
                       bool two_columns, Workspace& ws) {
  const uint16_t* const a1 = two_rows ? a + depth * tile_size : a;
  const uint16_t* const b1 = two_columns ? b + depth * tile_size : b;
  memory_is_touched();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t k = 0; k < depth * tile_size; k += tile_size) {
    _tile_loadd(4, a + k, 64);
    _tile_loadd(6, b + k, 64);
    _tile_dpbf16ps(0, 4, 6);
    if (two_columns) {
      _tile_loadd(7, b1 + k, 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (!two_rows) continue;
    _tile_loadd(5, a1 + k, 64);
    _tile_dpbf16ps(2, 5, 6);
    if (two_columns) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, ws.c[0][0], 64);
  _tile_stored(1, ws.c[0][1], 64);
  _tile_stored(2, ws.c[1][0], 64);
  _tile_stored(3, ws.c[1][1], 64);
  memory_is_touched();
}

/// to[0 .. count) = or += 32 sums of row i.
WEFT_AMX inline void put(const Workspace& ws, int i, int64_t count, bool first, float* to) {
  for (int half = 0; half < 2 && count > half * side; ++half) {
    const int64_t left = std::min<int64_t>(side, count - half * side);
    const auto mask = static_cast<__mmask16>((1U << left) - 1);
    __m512 sum = _mm512_load_ps(ws.c[i / side][half] + i % side * side);
    if (!first) sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to + half * side), sum);
    _mm512_mask_storeu_ps(to + half * side, mask, sum);
  }
}

/// Rows of C that need not follow each other.
struct OutputRows {
  float* data;
  int64_t stride;
  const int32_t* table;
  float* at(int64_t m) const { return data + (table != nullptr ? table[m] : m) * stride; }
};

/// All of the packed a [rows of m0 .. m1] by the packed b [columns of n0 .. n1].
WEFT_AMX void multiply_all(Workspace& ws, int64_t depth, int64_t m0, int64_t m1, int64_t n0,
                           int64_t n1, const OutputRows& c, bool first) {
  const int64_t step = depth * tile_size;
  for (int64_t n = n0; n < n1; n += unit)
    for (int64_t m = m0; m < m1; m += unit) {
      multiply(ws.a + (m - m0) / side * step, ws.b + (n - n0) / side * step, depth, m1 - m > side,
               n1 - n > side, ws);
      for (int64_t i = 0; i < std::min<int64_t>(unit, m1 - m); ++i)
        put(ws, static_cast<int>(i), n1 - n, first, c.at(m + i) + n);
    }
}

/// A stretch of a product's k: `parts` whole parts, or the piece [k0, k0 + depth) of one.
struct Step {
  const RowProduct<float>* product;
  int64_t part, parts, k0, depth;
  int64_t tiles() const { return ceil_div(depth, deep); }
};

std::vector<Step> steps_of(const std::vector<RowProduct<float>>& products) {
  std::vector<Step> steps;
  for (const RowProduct<float>& p : products) {
    const auto parts = static_cast<int64_t>(p.parts.size());
    if (p.depth > k_block) {
      const Cut cut(p.depth, ceil_div(p.depth, k_block), deep);
      for (int64_t part = 0; part < parts; ++part)
        for (int64_t i = 0; i < cut.count; ++i)
          steps.push_back({&p, part, 1, cut.begin(i), cut.end(i) - cut.begin(i)});
    } else if (p.depth > 0) {
      const Cut cut(parts, ceil_div(parts, k_block / (ceil_div(p.depth, deep) * deep)));
      for (int64_t i = 0; i < cut.count; ++i)
        steps.push_back({&p, cut.begin(i), cut.end(i) - cut.begin(i), 0, p.depth});
    }
  }
  return steps;
}

/// 16 rows along k, from row i; past `end`, and where the table says so, rows of zeros, which are
/// read from `k0` on.
void find_rows(const Rows<float>& rows, int64_t i, int64_t end, int64_t k0, const float** found) {
  for (int j = 0; j < side; ++j) {
    const float* row = i + j < end ? row_of(rows, i + j) : nullptr;
    found[j] = row != nullptr ? row + k0 : zero_row<float>;
  }
}

WEFT_AMX void pack_a(const Step& s, int64_t lo, int64_t hi, Workspace& ws) {
  uint16_t* to = ws.a;
  const float* rows[side];
  for (int64_t m = lo; m < hi; m += side)
    for (int64_t i = 0; i < s.parts; ++i) {
      find_rows(s.product->parts[s.part + i].a, m, hi, s.k0, rows);
      for (int64_t k = 0; k < s.depth; k += deep, to += tile_size)
        pack_along_k(rows, k, s.depth - k, false, to);
    }
}

/// Rows k0 .. k0 + 32 across k, from `column` on; past `depth` and where the table says so, zeros.
void find_lines(const Rows<float>& rows, int64_t k0, int64_t depth, int64_t column,
                const float** found) {
  for (int64_t j = 0; j < deep; ++j) {
    const float* row = j < depth ? row_of(rows, k0 + j) : nullptr;
    found[j] = row != nullptr ? row + column : zero_row<float>;
  }
}

/// `columns` of 32 rows across k, tile by tile, the tiles `step` apart.
WEFT_AMX void pack_lines(const float* const* rows, int64_t columns, bool flip, int64_t step,
                         uint16_t* to) {
  for (int64_t n = 0; n < columns; n += side, to += step)
    pack_across_k(rows, n, columns - n, flip, to);
}

WEFT_AMX void pack_b(const Step& s, Layout layout, int64_t n0, int64_t n1, Workspace& ws) {
  const int64_t step = s.parts * s.tiles() * tile_size;
  uint16_t* to = ws.b;
  const float* rows[deep];
  for (int64_t i = 0; i < s.parts; ++i) {
    const Rows<float>& b = s.product->parts[s.part + i].b;
    if (layout == Layout::along_n) {
      for (int64_t k = 0; k < s.depth; k += deep, to += tile_size) {
        find_lines(b, s.k0 + k, s.depth - k, n0, rows);
        pack_lines(rows, n1 - n0, false, step, to);
      }
      continue;
    }
    uint16_t* const first = to;
    for (int64_t n = n0; n < n1; n += side) {
      find_rows(b, n, n1, s.k0, rows);
      to = first + (n - n0) / side * step;
      for (int64_t k = 0; k < s.depth; k += deep, to += tile_size)
        pack_along_k(rows, k, s.depth - k, true, to);
    }
    to = first + s.tiles() * tile_size;
  }
}

void pack_outer_a(const OuterProduct<float>& p, int64_t k0, int64_t depth, int64_t m0, int64_t m1,
                  Workspace& ws) {
  const int64_t step = ceil_div(depth, deep) * tile_size;
  uint16_t* to = ws.a;
  const float* rows[deep];
  for (int64_t k = 0; k < depth; k += deep, to += tile_size) {
    find_lines(p.a, k0 + k, depth - k, m0, rows);
    pack_lines(rows, m1 - m0, true, step, to);
  }
}

/// Columns [n0, n1) of parts laid side by side, each `width` wide.
void pack_outer_b(const OuterProduct<float>& p, int64_t width, int64_t k0, int64_t depth,
                  int64_t n0, int64_t n1, Workspace& ws) {
  const int64_t step = ceil_div(depth, deep) * tile_size;
  const bool whole = width % side == 0 || p.b.size() == 1;  // else a tile holds pieces of parts
  uint16_t* to = ws.b;
  const float* rows[deep];
  for (int64_t k = 0; k < depth; k += deep, to += tile_size) {
    for (int64_t n = n0; n < n1;) {
      const int64_t part = n / width, end = std::min(n1, (part + 1) * width);
      find_lines(p.b[part], k0 + k, depth - k, n - part * width, rows);
      if (whole)
        pack_lines(rows, end - n, false, step, to + (n - n0) / side * step);
      else
        for (int64_t j = 0; j < deep; ++j) std::copy_n(rows[j], end - n, ws.line[j] + n - n0);
      n = end;
    }
    if (whole) continue;
    for (int64_t j = 0; j < deep; ++j) rows[j] = ws.line[j];
    pack_lines(rows, n1 - n0, false, step, to);
  }
}

}  // namespace

const std::string& why_not() {
  static const std::string answer = [] {
    __builtin_cpu_init();
    unsigned eax = 7, ebx = 0, ecx = 0, edx = 0;
    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    constexpr unsigned amx_bf16 = 1U << 22, amx_tile = 1U << 24;
    if ((edx & amx_bf16) == 0 || (edx & amx_tile) == 0 || !__builtin_cpu_supports("avx512bf16"))
      return std::string("this processor has no AMX with bf16 (Intel has it from 2023 on)");
    constexpr int request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    if (syscall(SYS_arch_prctl, request, tile_data) != 0)
      return fmt::format(
          "this system does not let this program use AMX: {} (Linux does from 5.16 on)",
          std::strerror(errno));
    return std::string();
  }();
  return answer;
}

WEFT_AMX void multiply_tiles(int64_t count) {
  const Tiles tiles;
  _tile_zero(4);
  _tile_zero(5);
  for (int64_t i = 0; i < count; i += 4) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
}

void row_chunk(const RowOutput<float>& c, Layout b_layout,
               const std::vector<RowProduct<float>>& products, int64_t m0, int64_t m1, int64_t n0,
               int64_t n1) {
  const Tiles tiles;
  Workspace& ws = gemm_detail::workspace_of<Workspace>();
  const std::vector<Step> steps = steps_of(products);
  const bool writes = c.bias == nullptr && !steps.empty() && steps[0].product->out == nullptr;
  if (!writes) gemm_detail::fill_block(c, m0, m1, n0, n1);
  const int64_t group = std::max(m_block, c_in_cache / (n1 - n0));
  const Step* packed = nullptr;
  for (int64_t g = m0; g < m1; g += group)
    for (const Step& s : steps) {
      const RowProduct<float>& p = *s.product;
      int64_t lo = g, hi = std::min(m1, g + group);
      if (p.out != nullptr) {
        const int64_t end = hi;
        lo = std::lower_bound(p.out, p.out + p.rows, g) - p.out;
        hi = std::lower_bound(p.out + lo, p.out + p.rows, end) - p.out;
      }
      if (lo == hi) continue;
      if (packed != &s) pack_b(s, b_layout, n0, n1, ws);
      packed = &s;
      for (int64_t m = lo; m < hi; m += m_block) {
        const int64_t end = std::min(hi, m + m_block);
        pack_a(s, m, end, ws);
        multiply_all(ws, s.parts * s.tiles(), m, end, n0, n1, {c.data, c.stride, p.out},
                     writes && &s == steps.data());
      }
    }
}

void outer_chunk(const OuterProduct<float>& p, int64_t width, float* c, int64_t c_stride,
                 int64_t m0, int64_t m1, int64_t n0, int64_t n1, int64_t k_begin, int64_t k_end) {
  const Tiles tiles;
  Workspace& ws = gemm_detail::workspace_of<Workspace>();
  const Cut k_cut(k_end - k_begin, ceil_div(k_end - k_begin, k_block), deep);
  for (int64_t n = n0; n < n1; n += n_block)
    for (int64_t block = 0; block < k_cut.count; ++block) {
      const int64_t end = std::min(n1, n + n_block), k0 = k_begin + k_cut.begin(block);
      const int64_t depth = k_cut.end(block) - k_cut.begin(block), k_tiles = ceil_div(depth, deep);
      if (block > 0 || k_cut.count > 1 || n == n0) pack_outer_a(p, k0, depth, m0, m1, ws);
      pack_outer_b(p, width, k0, depth, n, end, ws);
      multiply_all(ws, k_tiles, m0, m1, n, end, {c, c_stride, nullptr}, block == 0);
    }
}

}  // namespace weft::gemm_bf16

#else

namespace weft::gemm_bf16 {

const std::string& why_not() {
  static const std::string answer = "only x86-64 processors under Linux have AMX";
  return answer;
}
void multiply_tiles(int64_t) { throw Error(why_not()); }
void row_chunk(const RowOutput<float>&, Layout, const std::vector<RowProduct<float>>&, int64_t,
               int64_t, int64_t, int64_t) {
  throw Error(why_not());
}
void outer_chunk(const OuterProduct<float>&, int64_t, float*, int64_t, int64_t, int64_t, int64_t,
                 int64_t, int64_t, int64_t) {
  throw Error(why_not());
}

}  // namespace weft::gemm_bf16

#endif
