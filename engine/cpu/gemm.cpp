// Blocks of the two matrix products. A chunk is a block of C that one thread computes from its
// first product to its last; it packs the b it needs and reads a in place (rows along k) or packed
// (rows along m). Chunk borders come from the sizes.
#include "engine/cpu/gemm.h"

#include "engine/cpu/gemm_pack.h"

namespace weft {
namespace {

using namespace gemm_detail;

constexpr int64_t chunk_target = 16;  // enough to share out evenly over a few threads

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// n cut into equal pieces of at most `most`, each a multiple of `unit` but the last.
struct Cut {
  int64_t n, piece, count;
  Cut(int64_t n_, int64_t most, int64_t unit = 1) : n(n_) {
    const int64_t units = ceil_div(n, unit), pieces = std::max<int64_t>(1, ceil_div(n, most));
    piece = std::max<int64_t>(1, ceil_div(units, pieces)) * unit;
    count = ceil_div(n, piece);
  }
  int64_t begin(int64_t i) const { return i * piece; }
  int64_t end(int64_t i) const { return std::min(n, (i + 1) * piece); }
};

template <class T>
void fill_block(const RowOutput<T>& c, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
  for (int64_t m = m0; m < m1; ++m) {
    T* row = c.data + m * c.stride;
    if (c.bias != nullptr)
      std::copy(c.bias + n0, c.bias + n1, row + n0);
    else
      std::fill(row + n0, row + n1, T{0});
  }
}

/// A stretch of a product's k: `parts` whole parts, or the piece [k0, k0 + depth) of one.
struct Stretch {
  int64_t part, parts, k0, depth;
};

template <class F>
void for_stretches(int64_t parts, int64_t depth, F&& f) {
  if (depth > k_block) {
    const Cut cut(depth, k_block);
    for (int64_t part = 0; part < parts; ++part)
      for (int64_t i = 0; i < cut.count; ++i)
        f(Stretch{part, 1, cut.begin(i), cut.end(i) - cut.begin(i)});
  } else {
    const Cut cut(parts, std::clamp<int64_t>(k_block / depth, 1, max_parts));
    for (int64_t i = 0; i < cut.count; ++i)
      f(Stretch{cut.begin(i), cut.end(i) - cut.begin(i), 0, depth});
  }
}

/// One chunk of gemm_rows: rows [m0, m1) and columns [n0, n1) of C, n1 - n0 <= panel_block panels.
template <class T>
class RowChunk {
 public:
  RowChunk(const RowOutput<T>& c, Layout layout, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
      : c_(c), layout_(layout), m0_(m0), m1_(m1), n0_(n0), n1_(n1), ws_(workspace<T>()) {}

  void run(const std::vector<RowProduct<T>>& products) {
    first_ = c_.bias == nullptr && !products.empty() && products[0].out == nullptr &&
             products[0].depth > 0 && !products[0].parts.empty();
    if (!first_) fill_block(c_, m0_, m1_, n0_, n1_);
    for (const RowProduct<T>& p : products) {
      int64_t lo = m0_, hi = m1_;
      if (p.out != nullptr) {
        lo = std::lower_bound(p.out, p.out + p.rows, m0_) - p.out;
        hi = std::lower_bound(p.out + lo, p.out + p.rows, m1_) - p.out;
      }
      if (lo == hi || p.depth == 0) continue;
      for_stretches(static_cast<int64_t>(p.parts.size()), p.depth, [&](const Stretch& s) {
        pack(p, s);
        for (int64_t m = lo; m < hi; m += m_block) multiply(p, s, m, std::min(hi, m + m_block));
        first_ = false;
      });
    }
  }

 private:
  static constexpr int mr = Tile<T>::mr, nr = Tile<T>::nr;

  void pack(const RowProduct<T>& p, const Stretch& s) {
    T* to = ws_.b;
    for (int64_t n = n0_; n < n1_; n += nr) {
      const int columns = static_cast<int>(std::min<int64_t>(nr, n1_ - n));
      for (int64_t i = s.part; i < s.part + s.parts; ++i, to += s.depth * nr) {
        const Rows<T>& b = p.parts[i].b;
        if (layout_ == Layout::along_n)
          pack_along_n(b.data + s.k0 * b.stride + n, b.stride, s.depth, columns, to);
        else
          pack_along_k(b.data + n * b.stride + s.k0, b.stride, s.depth, columns, to);
      }
    }
  }

  void multiply(const RowProduct<T>& p, const Stretch& s, int64_t lo, int64_t hi) {
    const int64_t tile_pointers = s.parts * mr;
    for (int64_t i = 0; i < s.parts; ++i) {
      const Rows<T>& a = p.parts[s.part + i].a;
      for (int64_t m = lo; m < hi; ++m) {
        const T* row = row_of(a, m);
        ws_.a_pointers[(m - lo) / mr * tile_pointers + i * mr + (m - lo) % mr] =
            row != nullptr ? row + s.k0 : zero_row<T>;
      }
    }
    for (int64_t m = lo; m < hi; ++m)
      ws_.c_pointers[m - lo] = c_.data + (p.out != nullptr ? p.out[m] : m) * c_.stride + n0_;
    const T* b = ws_.b;
    for (int64_t n = n0_; n < n1_; n += nr, b += s.parts * s.depth * nr) {
      const int columns = static_cast<int>(std::min<int64_t>(nr, n1_ - n));
      for (int64_t m = lo; m < hi; m += mr) {
        const int64_t i = m - lo;
        tile_for<T, 1>(static_cast<int>(std::min<int64_t>(mr, hi - m)))(
            {ws_.a_pointers + i / mr * tile_pointers, static_cast<int>(s.parts), s.depth, b,
             ws_.c_pointers + i, n - n0_, columns, first_});
      }
    }
  }

  const RowOutput<T>& c_;
  Layout layout_;
  int64_t m0_, m1_, n0_, n1_;
  Workspace<T>& ws_;
  bool first_ = false;
};

/// One chunk of gemm_outer: rows [m0, m1), m1 - m0 <= m_block, and columns [n0, n1) of one C, for
/// k in [k_begin, k_end).
template <class T>
void outer_chunk(const OuterProduct<T>& p, int64_t width, T* c, int64_t c_stride, int64_t m0,
                 int64_t m1, int64_t n0, int64_t n1, int64_t k_begin, int64_t k_end) {
  constexpr int mr = Tile<T>::mr, nr = Tile<T>::nr;
  Workspace<T>& ws = workspace<T>();
  if (k_begin == k_end)
    for (int64_t m = m0; m < m1; ++m) std::fill(c + m * c_stride + n0, c + m * c_stride + n1, T{0});
  for (int64_t m = m0; m < m1; ++m) ws.c_pointers[m - m0] = c + m * c_stride;
  const Cut k_cut(k_end - k_begin, k_block);
  for (int64_t block = 0; block < k_cut.count; ++block) {
    const int64_t k0 = k_begin + k_cut.begin(block), depth = k_cut.end(block) - k_cut.begin(block);
    pack_tiles(p.a, k0, depth, m0, m1, ws.a);
    for (int64_t nb = n0; nb < n1; nb += panel_block * nr) {
      const int64_t nb_end = std::min(n1, nb + panel_block * nr);
      pack_parts(p.b, width, k0, depth, nb, nb_end, ws.b);
      const T* b = ws.b;
      for (int64_t n = nb; n < nb_end; n += nr, b += depth * nr) {
        const int columns = static_cast<int>(std::min<int64_t>(nr, nb_end - n));
        const T* a = ws.a;
        for (int64_t m = m0; m < m1; m += mr, a += depth * mr) {
          const T* rows[mr];
          for (int i = 0; i < mr; ++i) rows[i] = a + i;
          tile_for<T, mr>(static_cast<int>(std::min<int64_t>(mr, m1 - m)))(
              {rows, 1, depth, b, ws.c_pointers + (m - m0), n, columns, block == 0});
        }
      }
    }
  }
}

}  // namespace

template <class T>
void gemm_rows(CpuContext& ctx, const RowOutput<T>& c, Layout b_layout,
               const std::vector<RowProduct<T>>& products) {
  if (c.rows == 0 || c.columns == 0) return;
  constexpr int mr = Tile<T>::mr, nr = Tile<T>::nr;
  const Cut n_cut(c.columns, 4 * nr, nr);
  const int64_t m_pieces =
      std::clamp<int64_t>(ceil_div(chunk_target, n_cut.count), 1, ceil_div(c.rows, m_block));
  const Cut m_cut(c.rows, ceil_div(c.rows, m_pieces), mr);
  ctx.for_chunks(m_cut.count * n_cut.count, 1, [&](int64_t i, int64_t) {
    const int64_t m = i / n_cut.count, n = i % n_cut.count;
    RowChunk<T>(c, b_layout, m_cut.begin(m), m_cut.end(m), n_cut.begin(n), n_cut.end(n))
        .run(products);
  });
}

template <class T>
void gemm_outer(CpuContext& ctx, const OuterShape& shape,
                const std::vector<OuterProduct<T>>& products) {
  const int64_t columns = shape.parts * shape.width, count = static_cast<int64_t>(products.size());
  if (shape.rows == 0 || columns == 0 || count == 0) return;
  constexpr int mr = Tile<T>::mr, nr = Tile<T>::nr;
  int64_t deepest = 0;
  for (const OuterProduct<T>& p : products) deepest = std::max(deepest, p.depth);
  const Cut m_cut(shape.rows, 96, mr);
  const int64_t n_pieces = ceil_div(chunk_target, m_cut.count);
  const Cut n_cut(columns, std::max<int64_t>(ceil_div(columns, n_pieces), 8 * nr), nr);
  const int64_t blocks = m_cut.count * n_cut.count;
  // Few blocks of C and many k: k is cut as well, and the partial sums are combined pairwise.
  const int64_t k_pieces =
      std::clamp<int64_t>(chunk_target / blocks, 1, std::max<int64_t>(1, deepest / (2 * k_block)));
  const int64_t partial = shape.rows * columns;
  Tensor sums;
  if (k_pieces > 1)
    sums = Tensor::empty({(k_pieces - 1) * count * partial}, dtype_of<T>(), ctx.memory());
  const auto c_of = [&](int64_t k, int64_t p) {
    return k == 0 ? products[p].c : sums.data<T>() + ((k - 1) * count + p) * partial;
  };
  const auto stride_of = [&](int64_t k) { return k == 0 ? shape.c_stride : columns; };
  ctx.for_chunks(k_pieces * blocks, 1, [&](int64_t i, int64_t) {
    const int64_t k = i / blocks, m = i % blocks / n_cut.count, n = i % n_cut.count;
    for (int64_t p = 0; p < count; ++p) {
      const int64_t depth = products[p].depth;
      outer_chunk(products[p], shape.width, c_of(k, p), stride_of(k), m_cut.begin(m), m_cut.end(m),
                  n_cut.begin(n), n_cut.end(n), depth * k / k_pieces, depth * (k + 1) / k_pieces);
    }
  });
  if (k_pieces == 1) return;
  ctx.for_chunks(shape.rows, std::max<int64_t>(1, pointwise_chunk / columns),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t p = 0; p < count; ++p)
                     for (int64_t step = 1; step < k_pieces; step *= 2)
                       for (int64_t k = 0; k + step < k_pieces; k += 2 * step)
                         for (int64_t m = begin; m < end; ++m) {
                           T* to = c_of(k, p) + m * stride_of(k);
                           const T* from = c_of(k + step, p) + m * columns;
                           for (int64_t n = 0; n < columns; ++n) to[n] += from[n];
                         }
                 });
}

#define WEFT_GEMM(T)                                                   \
  template void gemm_rows<T>(CpuContext&, const RowOutput<T>&, Layout, \
                             const std::vector<RowProduct<T>>&);       \
  template void gemm_outer<T>(CpuContext&, const OuterShape&, const std::vector<OuterProduct<T>>&);
WEFT_GEMM(float)
WEFT_GEMM(double)
#undef WEFT_GEMM

}  // namespace weft
