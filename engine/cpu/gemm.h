// The CPU's own matrix products, in the two forms that every dense layer needs:
//   gemm_rows:   C[out(m), :] = bias + sum over products, parts, k of A[m, k] B[k, :]
//   gemm_outer:  C[m, n]      = sum over k of A[k, m] B[k, n], one or more C at once
// An operand is a list of rows of contiguous elements, with an optional table of row indices (-1: a
// row of zeros), so that a convolution's taps, padding and skipped pixels cost no copy. The order
// of every sum depends on sizes alone, never on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/cpu/context.h"

namespace weft {

/// Row i starts at data + stride * (table ? table[i] : i); table[i] == -1: all zeros.
template <class T>
struct Rows {
  const T* data = nullptr;
  int64_t stride = 0;
  const int32_t* table = nullptr;
};

enum class Layout {
  along_n,  ///< b's rows are B's rows: b[k][n]
  along_k,  ///< b's rows are B's columns, as a layer's weights are kept: b[n][k]
};

/// Adds sum over parts, over k < depth of a[m, k] b(k, :) to row (out ? out[m] : m) of C.
template <class T>
struct RowProduct {
  struct Part {
    Rows<T> a;  ///< indexed by m
    Rows<T> b;  ///< indexed by k or by n, as the layout says; no table
  };
  int64_t rows = 0;              ///< m
  const int32_t* out = nullptr;  ///< strictly ascending; nullptr: every row of C, in order
  int64_t depth = 0;             ///< k of one part
  std::vector<Part> parts;
};

template <class T>
struct RowOutput {
  T* data = nullptr;
  int64_t rows = 0, columns = 0, stride = 0;
  const T* bias = nullptr;  ///< one per column, or none
};

template <class T>
void gemm_rows(CpuContext& ctx, const RowOutput<T>& c, Layout b_layout,
               const std::vector<RowProduct<T>>& products);

/// c[m, part * width + j] = sum over k < depth of a[k, m] b[part][k, j]; depth 0 gives zeros.
template <class T>
struct OuterProduct {
  int64_t depth = 0;
  Rows<T> a;
  std::vector<Rows<T>> b;
  T* c = nullptr;
};

/// What the products of one call share.
struct OuterShape {
  int64_t rows = 0;      ///< m
  int64_t parts = 1;     ///< stretches of columns
  int64_t width = 0;     ///< columns of one part
  int64_t c_stride = 0;  ///< from row to row of C
};

/// Whether all that it wrote is finite: seen block by block, in the cache.
template <class T>
bool gemm_outer(CpuContext& ctx, const OuterShape& shape,
                const std::vector<OuterProduct<T>>& products);

}  // namespace weft
