// One launch over many tensors: the table of them is the kernel's argument, a block owns `span`
// elements of one of them and finds it by its number. A Term has n and first_block, which
// for_tables() fills in; more tensors than one table holds take further launches.
#pragma once

#include <vector>

#include "engine/cuda/launch.cuh"

namespace weft {

inline constexpr int most_terms = 400, span = 4096;  // the table stays below a launch's 32 KB

template <class Term>
struct SpanTable {
  Term at[most_terms];
  int count = 0;

  /// The last term whose first block is not past this one.
  __device__ const Term& of_block() const {
    int low = 0, high = count - 1;
    while (low < high) {
      const int middle = (low + high + 1) / 2;
      if (at[middle].first_block <= static_cast<int>(blockIdx.x))
        low = middle;
      else
        high = middle - 1;
    }
    return at[low];
  }
};

/// f(i) for the elements of `term` that this block owns, each by one thread.
template <class Term, class F>
__device__ void for_span(const Term& term, F f) {
  const int64_t begin = int64_t{static_cast<int>(blockIdx.x) - term.first_block} * span;
  const int64_t end = begin + span < term.n ? begin + span : term.n;
#pragma unroll 4
  for (int64_t i = begin + threadIdx.x; i < end; i += block_threads) f(i);
}

/// launch(table, grid) for as many tables as the terms need.
template <class Term, class Launch>
void for_tables(const std::vector<Term>& terms, Launch&& launch) {
  for (size_t next = 0; next < terms.size();) {
    SpanTable<Term> table;
    int blocks = 0;
    for (; table.count < most_terms && next < terms.size(); ++next) {
      if (terms[next].n == 0) continue;
      Term& term = table.at[table.count++] = terms[next];
      term.first_block = blocks;
      blocks += static_cast<int>(blocks_for(term.n, span));
    }
    if (blocks > 0) launch(table, dim3(static_cast<unsigned>(blocks)));
  }
}

}  // namespace weft
