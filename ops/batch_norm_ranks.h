// Batch norm over ranks (engine/ranks.h), each of which has as many rows: the moments of all rows are
// those of rank 0 and 1, combined, then of these and rank 2, and so on (Chan, Golub and LeVeque 1983).
#pragma once

#include <cstdint>

namespace weft::kernels {

/// This rank's means and squared deviations of `rows` rows become those of all ranks'. Of group g
/// and channel c they are at g * pitch + c.
void combine_ranks(int64_t rows, int64_t groups, int64_t channels, int64_t pitch, double* mean,
                   double* square);

}  // namespace weft::kernels
