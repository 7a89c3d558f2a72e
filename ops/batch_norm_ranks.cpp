// Moments over ranks, by rank; the same bits on each.
#include "ops/batch_norm_ranks.h"

#include <vector>

#include "engine/ranks.h"

namespace weft::kernels {

void combine_ranks(int64_t rows, int64_t groups, int64_t channels, int64_t pitch, double* mean,
                   double* square) {
  Ranks& ranks = current_ranks();
  if (ranks.alone()) return;
  const int64_t width = 2 * groups * channels;
  std::vector<double> mine(static_cast<size_t>(width));
  std::vector<double> all(mine.size() * static_cast<size_t>(ranks.size()));
  const auto for_moments = [&](auto&& f) {
    for (int64_t i = 0; i < groups * channels; ++i) {
      const int64_t at = i / channels * pitch + i % channels;
      f(mean[at], square[at], 2 * i);
    }
  };
  for_moments([&](double m, double s, int64_t at) { mine[at] = m, mine[at + 1] = s; });
  ranks.exchange(mine.data(), 0, all.data(), mine.size() * sizeof(double));
  for_moments([&](double& m, double& s, int64_t at) { m = all[at], s = all[at + 1]; });
  for (int rank = 1; rank < ranks.size(); ++rank) {
    const double* const theirs = all.data() + rank * width;
    const double by = 1.0 / (rank + 1), cross = static_cast<double>(rows) * rank * by;
    for_moments([&](double& m, double& s, int64_t at) {
      const double delta = theirs[at] - m;
      m += delta * by;
      s += theirs[at + 1] + delta * delta * cross;
    });
  }
}

}  // namespace weft::kernels
