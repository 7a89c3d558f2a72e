// Select or skip: x' = p[0] f + p[1] r, where f = relu(r + F(x)) is a residual block's output and r
// its shortcut. In stacked form: f [Gf*N, ...], r [Gr*N, ...] -> [Go*N, ...], where out group j
// takes group f_group of f, group r_group of r, and row `row` of its task's probabilities [L, 2].
// df[g] = sum over the rows j that read it of p_j[0] dout_j (dr likewise), in row order;
// dp_j[row] = (<dout_j, f>, <dout_j, r>), zero elsewhere. The sums (x', df and dr) do not read a
// term whose weight is exactly 0, so a NaN in a skipped branch does not reach them, and p = [1, 0]
// gives f bitwise. dp reads f and r whatever the weights: there such a NaN does arrive.
// Retains p where f or r needs a gradient, and f and r where some p does.
#pragma once

#include <vector>

#include "engine/tape.h"

namespace weft {

struct GateRow {
  int f_group = -1;  ///< -1: none; `select` must then be 0
  int r_group = -1;  ///< -1: none; `skip` must then be 0
  Var p = {};        ///< [L, 2], column 0 = select; undefined: the two constants below
  int row = 0;       ///< of p
  double select = 0, skip = 0;
};

/// f or r may be a default Var where no row reads it. Where all rows hand over one branch
/// unchanged, that branch itself comes back and nothing is recorded.
Var gate(const Var& f, const Var& r, const std::vector<GateRow>& rows, int64_t n_per_group,
         SourceLoc = SourceLoc::here());

/// One group, one p [2]: f p[0] + r p[1].
Var select_or_skip(const Var& f, const Var& r, const Var& p, SourceLoc = SourceLoc::here());

namespace kernels {

/// One x with its weight: a number on the device, or `constant` where `weight` is null.
template <class T>
struct GateTerm {
  const T* x;
  const stat_t<T>* weight;
  double constant;
};

/// y's first axis in equal groups, one for each list: y_g = sum over terms[g] of weight x, in order;
/// terms of weight 0 are not read, and no terms give zeros.
template <class T>
void gate_sums(CpuContext&, const std::vector<std::vector<GateTerm<T>>>& terms, View<T> y);
template <class T>
void gate_sums(CudaContext&, const std::vector<std::vector<GateTerm<T>>>& terms, View<T> y);
/// dp [L, 2]: (<dy, f>, <dy, r>) in `row`, zero elsewhere.
template <class T>
void gate_dots(CpuContext&, View<const T> dy, const T* f, const T* r, int row, View<stat_t<T>> dp);
template <class T>
void gate_dots(CudaContext&, View<const T> dy, const T* f, const T* r, int row, View<stat_t<T>> dp);

}  // namespace kernels
}  // namespace weft
