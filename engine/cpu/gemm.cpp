// Blocks of the two matrix products. A chunk is a block of C that one thread computes from its
// first product to its last; it packs the b it needs and reads a in place (rows along k) or packed
// (rows along m). Chunk borders follow the threads, pieces of k the sizes.
#include "engine/cpu/gemm.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "engine/cpu/finite.h"
#include "engine/cpu/gemm_bf16.h"
#include "engine/cpu/gemm_cut.h"
#include "engine/cpu/gemm_pack.h"

namespace weft {
namespace {

using namespace gemm_detail;

/// How C is cut, and what an element costs a chunk beside its products, in multiply-adds.
struct Units {
  int mr, nr;                       ///< of a tile
  int64_t most_rows, most_columns;  ///< tiles of a chunk of gemm_outer, of gemm_rows
  int64_t packing_cost, reading_cost;
  int64_t speed;  ///< multiply-adds in the time of one in f32
};
template <class T>
constexpr Units in_full{Tile<T>::mr, Tile<T>::nr, 2 * m_block / Tile<T>::mr, panel_block, 24, 8, 1};
constexpr Units in_bf16{
    gemm_bf16::unit, gemm_bf16::unit, gemm_bf16::most_rows, gemm_bf16::most_columns, 120, 80, 8};

/// The largest power of two that is at most max(x, 1): halves of halves keep threads even.
int64_t floor_power(int64_t x) {
  return static_cast<int64_t>(std::bit_floor<uint64_t>(std::max<int64_t>(x, 1)));
}

/// A stretch of a product's k: `parts` whole parts, or the piece [k0, k0 + depth) of one.
template <class T>
struct Step {
  const RowProduct<T>* product;
  int64_t part, parts, k0, depth;
};

template <class T>
std::vector<Step<T>> steps_of(const std::vector<RowProduct<T>>& products) {
  std::vector<Step<T>> steps;
  for (const RowProduct<T>& p : products) {
    const int64_t parts = static_cast<int64_t>(p.parts.size());
    if (p.depth > k_block) {
      const Cut cut(p.depth, ceil_div(p.depth, k_block));
      for (int64_t part = 0; part < parts; ++part)
        for (int64_t i = 0; i < cut.count; ++i)
          steps.push_back({&p, part, 1, cut.begin(i), cut.end(i) - cut.begin(i)});
    } else if (p.depth > 0) {
      const Cut cut(parts, ceil_div(parts, std::min(k_block / p.depth, max_parts)));
      for (int64_t i = 0; i < cut.count; ++i)
        steps.push_back({&p, cut.begin(i), cut.end(i) - cut.begin(i), 0, p.depth});
    }
  }
  return steps;
}

/// One chunk of gemm_rows: rows [m0, m1) and columns [n0, n1) of C, n1 - n0 <= panel_block panels.
template <class T>
class RowChunk {
 public:
  RowChunk(const RowOutput<T>& c, Layout layout, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
      : c_(c),
        layout_(layout),
        m0_(m0),
        m1_(m1),
        n0_(n0),
        n1_(n1),
        ws_(workspace_of<Workspace<T>>()) {}

  void run(const std::vector<Step<T>>& steps) {
    first_ = c_.bias == nullptr && !steps.empty() && steps[0].product->out == nullptr;
    if (!first_) fill_block(c_, m0_, m1_, n0_, n1_);
    for (size_t i = 0; i < steps.size(); ++i) {
      const RowProduct<T>& p = *steps[i].product;
      int64_t lo = m0_, hi = m1_;
      if (p.out != nullptr) {
        lo = std::lower_bound(p.out, p.out + p.rows, m0_) - p.out;
        hi = std::lower_bound(p.out + lo, p.out + p.rows, m1_) - p.out;
      }
      if (lo == hi) continue;
      pack(p, steps[i]);
      if (i + 1 < steps.size()) next_ = block_of(steps[i + 1], ceil_div(hi - lo, mr));
      for (int64_t m = lo; m < hi; m += m_block)
        multiply(p, steps[i], m, std::min(hi, m + m_block));
      first_ = false;
    }
  }

 private:
  static constexpr int mr = Tile<T>::mr, nr = Tile<T>::nr;

  void pack(const RowProduct<T>& p, const Step<T>& s) {
    const int64_t panel_size = s.parts * s.depth * nr;
    for (int64_t i = 0; i < s.parts; ++i) {
      const Rows<T>& b = p.parts[s.part + i].b;
      T* const to = ws_.b + i * s.depth * nr;
      if (layout_ == Layout::along_n) {
        pack_along_n(b, s.k0, s.depth, n0_, n1_ - n0_, panel_size, to);
        continue;
      }
      for (int64_t n = n0_; n < n1_; n += nr)
        pack_along_k(b.data + n * b.stride + s.k0, b.stride, s.depth,
                     static_cast<int>(std::min<int64_t>(nr, n1_ - n)),
                     to + (n - n0_) / nr * panel_size);
    }
  }

  /// The b that step s will pack, to be fetched while `tiles` rows of tiles are computed.
  Prefetcher block_of(const Step<T>& s, int64_t tiles) const {
    const Rows<T>& b = s.product->parts[s.part].b;
    const bool n = layout_ == Layout::along_n;
    const T* start = n ? b.data + s.k0 * b.stride + n0_ : b.data + n0_ * b.stride + s.k0;
    constexpr int64_t size = sizeof(T);
    return {start, b.stride * size, n ? s.depth : n1_ - n0_, (n ? n1_ - n0_ : s.depth) * size,
            tiles * ceil_div(n1_ - n0_, nr)};
  }

  void multiply(const RowProduct<T>& p, const Step<T>& s, int64_t lo, int64_t hi) {
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
        next_.advance();
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
  Prefetcher next_;
  bool first_ = false;
};

/// One chunk of gemm_outer: rows [m0, m1), at most 2 m_block, and columns [n0, n1) of one C, for k
/// in [k_begin, k_end), which is not empty.
template <class T>
void outer_chunk(const OuterProduct<T>& p, int64_t width, T* c, int64_t c_stride, int64_t m0,
                 int64_t m1, int64_t n0, int64_t n1, int64_t k_begin, int64_t k_end) {
  constexpr int mr = Tile<T>::mr, nr = Tile<T>::nr;
  Workspace<T>& ws = workspace_of<Workspace<T>>();
  for (int64_t m = m0; m < m1; ++m) ws.c_pointers[m - m0] = c + m * c_stride;
  const Cut k_cut(k_end - k_begin, ceil_div(k_end - k_begin, k_block));
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

/// Few blocks of C and many k: k is cut as well, and the partial sums are combined pairwise. That
/// is an order of its own, so it comes from the sizes alone.
int64_t k_pieces_of(int64_t rows, int64_t columns, int mr, int nr, int64_t deepest) {
  constexpr int64_t target = 8;
  const Cut m_cut(rows, ceil_div(rows, 2 * m_block), mr);
  const Cut n_cut(columns, floor_power(std::min(target / m_cut.count, columns / (8 * nr))), nr);
  const int64_t blocks = m_cut.count * n_cut.count;
  return floor_power(std::min(target / blocks, deepest / (2 * k_block)));
}

/// The chunks of gemm_rows, on the threads that they are worth: chunk(m0, m1, n0, n1).
template <class T, class Chunk>
void rows_by(CpuContext& ctx, const Units& units, const RowOutput<T>& c,
             const std::vector<RowProduct<T>>& products, const Chunk& chunk) {
  int64_t macs = 0;
  for (const RowProduct<T>& p : products)
    macs += p.rows * p.depth * static_cast<int64_t>(p.parts.size()) * c.columns;
  // Every chunk reads its rows of a once more, and packs its columns of b.
  const Chunks chunks = share_out({c.columns, units.nr, units.most_columns, units.packing_cost},
                                  {c.rows, units.mr, c.rows, units.reading_cost}, 1,
                                  useful_threads(macs / units.speed, ctx.threads()));
  const Cut n_cut(c.columns, chunks.along_a, units.nr), m_cut(c.rows, chunks.along_b, units.mr);
  ctx.for_chunks(m_cut.count * n_cut.count, 1, [&](int64_t i, int64_t) {
    const int64_t m = i / n_cut.count, n = i % n_cut.count;
    chunk(m_cut.begin(m), m_cut.end(m), n_cut.begin(n), n_cut.end(n));
  });
}

/// The chunks of gemm_outer: chunk(product, c, stride of c, m0, m1, n0, n1, k0, k1).
template <class T, class Chunk>
bool outer_by(CpuContext& ctx, const Units& units, const OuterShape& shape,
              const std::vector<OuterProduct<T>>& products, const Chunk& chunk) {
  const int64_t columns = shape.parts * shape.width, count = static_cast<int64_t>(products.size());
  if (shape.rows == 0 || columns == 0 || count == 0) return true;
  const int mr = units.mr, nr = units.nr;
  int64_t deepest = 0, macs = 0;
  for (const OuterProduct<T>& p : products) {
    deepest = std::max(deepest, p.depth);
    macs += p.depth;
  }
  const int64_t k_pieces = k_pieces_of(shape.rows, columns, mr, nr, deepest);
  const Chunks chunks =
      share_out({shape.rows, mr, units.most_rows, units.packing_cost},
                {columns, nr, columns, units.packing_cost}, k_pieces,
                useful_threads(macs * shape.rows * columns / units.speed, ctx.threads()));
  const Cut m_cut(shape.rows, chunks.along_a, mr), n_cut(columns, chunks.along_b, nr);
  const int64_t blocks = m_cut.count * n_cut.count;
  const int64_t partial = shape.rows * columns;
  Tensor sums;
  if (k_pieces > 1)
    sums = Tensor::empty({(k_pieces - 1) * count * partial}, dtype_of<T>(), ctx.memory());
  const auto c_of = [&](int64_t k, int64_t p) {
    return k == 0 ? products[p].c : sums.data<T>() + ((k - 1) * count + p) * partial;
  };
  const auto stride_of = [&](int64_t k) { return k == 0 ? shape.c_stride : columns; };
  const int64_t row_chunk = std::max<int64_t>(1, pointwise_chunk / (count * columns));
  const auto is_empty = [&](int64_t k, int64_t p) {
    return products[p].depth * (k + 1) / k_pieces == products[p].depth * k / k_pieces;
  };
  ctx.for_chunks(shape.rows, row_chunk, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m)
      for (int64_t k = 0; k < k_pieces; ++k)
        for (int64_t p = 0; p < count; ++p)
          if (is_empty(k, p)) std::fill_n(c_of(k, p) + m * stride_of(k), columns, T{0});
  });
  std::atomic<bool> finite{true};  // cleared alike by whichever chunk finds one
  const auto look = [&](int64_t p, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    for (int64_t m = m0; m < m1; ++m)
      if (!all_finite_in(products[p].c + m * shape.c_stride + n0, n1 - n0)) finite = false;
  };
  ctx.for_chunks(k_pieces * blocks, 1, [&](int64_t i, int64_t) {
    const int64_t k = i / blocks, m = i % blocks / n_cut.count, n = i % n_cut.count;
    for (int64_t p = 0; p < count; ++p) {
      if (is_empty(k, p)) continue;
      const int64_t depth = products[p].depth;
      chunk(products[p], c_of(k, p), stride_of(k), m_cut.begin(m), m_cut.end(m), n_cut.begin(n),
            n_cut.end(n), depth * k / k_pieces, depth * (k + 1) / k_pieces);
      if (k_pieces == 1) look(p, m_cut.begin(m), m_cut.end(m), n_cut.begin(n), n_cut.end(n));
    }
  });
  if (k_pieces == 1) return finite;
  ctx.for_chunks(shape.rows, row_chunk, [&](int64_t begin, int64_t end) {
    for (int64_t p = 0; p < count; ++p) {
      for (int64_t step = 1; step < k_pieces; step *= 2)
        for (int64_t k = 0; k + step < k_pieces; k += 2 * step)
          for (int64_t m = begin; m < end; ++m) {
            T* to = c_of(k, p) + m * stride_of(k);
            const T* from = c_of(k + step, p) + m * columns;
            for (int64_t n = 0; n < columns; ++n) to[n] += from[n];
          }
      look(p, begin, end, 0, columns);
    }
  });
  return finite;
}

}  // namespace

template <class T>
void gemm_rows(CpuContext& ctx, const RowOutput<T>& c, Layout b_layout,
               const std::vector<RowProduct<T>>& products) {
  if (c.rows == 0 || c.columns == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.math() == MatrixMath::bf16)
      return rows_by(ctx, in_bf16, c, products,
                     [&](int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
                       gemm_bf16::row_chunk(c, b_layout, products, m0, m1, n0, n1);
                     });
  }
  const std::vector<Step<T>> steps = steps_of(products);
  rows_by(ctx, in_full<T>, c, products, [&](int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    RowChunk<T>(c, b_layout, m0, m1, n0, n1).run(steps);
  });
}

template <class T>
bool gemm_outer(CpuContext& ctx, const OuterShape& shape,
                const std::vector<OuterProduct<T>>& products) {
  const auto by = [&](const Units& units, auto chunk_of) {
    return outer_by(ctx, units, shape, products, [&](const OuterProduct<T>& p, auto... where) {
      chunk_of(p, shape.width, where...);
    });
  };
  if constexpr (std::is_same_v<T, float>) {
    if (ctx.math() == MatrixMath::bf16) return by(in_bf16, gemm_bf16::outer_chunk);
  }
  return by(in_full<T>, outer_chunk<T>);
}

#define WEFT_GEMM(T)                                                   \
  template void gemm_rows<T>(CpuContext&, const RowOutput<T>&, Layout, \
                             const std::vector<RowProduct<T>>&);       \
  template bool gemm_outer<T>(CpuContext&, const OuterShape&, const std::vector<OuterProduct<T>>&);
WEFT_GEMM(float)
WEFT_GEMM(double)
#undef WEFT_GEMM

}  // namespace weft
