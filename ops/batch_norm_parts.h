// NormParts: how batch_norm and block_end take the batch, and the moments that both normalise by. One
// set of running statistics for all rows, whatever groups they have; or one for each of the stack's
// parts, of one size. Throws ShapeError where x, gamma, beta or the statistics do not go together.
#pragma once

#include <optional>
#include <vector>

#include "engine/ranks.h"
#include "ops/batch_norm.h"

namespace weft {

/// This thread as a process by itself, where asked for: moments of a rank's own rows.
struct ByItself {
  explicit ByItself(bool wanted) {
    if (wanted) alone.emplace();
  }
  std::optional<RanksHere> alone;
};

struct NormParts {
  NormParts(const char* op, Tape& tape, const Var& x, const Var& gamma, const Var& beta,
            const std::vector<BatchNormStats*>& stats, const BatchNormOptions&, SourceLoc);

  std::vector<BatchNormStats*> stats;  ///< one a part
  int64_t count, groups;               ///< parts, and groups of each
  int64_t channels;
  DType full;

  /// Room for a number of each group and channel, [G, C].
  Tensor by_group(const Tape& tape) const { return tape.empty({count * groups, channels}, full); }
  /// Part g's rows of such a tensor, and of x.
  Tensor of(const Tensor& t, int64_t g) const { return t.rows(g * groups, groups); }
  Tensor rows_of(const Tensor& x, int64_t g) const;
  /// mean and invstd [G, C] of x, which in training move the running statistics, else are those.
  template <class T, class Context>
  void moments(Context& ctx, const Tensor& x, const BatchNormOptions& options, const Tensor& mean,
               const Tensor& invstd) const {
    using Stat = stat_t<T>;
    for (int64_t g = 0; g < count; ++g) {
      const BatchNormStats& own = *stats[static_cast<size_t>(g)];
      const View<Stat> running_mean = own.running_mean.view<Stat>();
      const View<Stat> running_var = own.running_var.view<Stat>();
      if (options.training)
        kernels::batch_norm_statistics<T>(
            ctx, rows_of(x, g).template view<T>(), options, of(mean, g).template view<Stat>(),
            of(invstd, g).template view<Stat>(), running_mean, running_var);
      else
        kernels::batch_norm_recall<T>(ctx, running_mean, running_var, options.eps,
                                      of(mean, g).template view<Stat>(),
                                      of(invstd, g).template view<Stat>());
    }
  }
  void count_batches(const BatchNormOptions& options) const;
};

}  // namespace weft
