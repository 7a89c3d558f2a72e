// Batch norm: checks, the weights of a running update, record and backward.
#include "ops/batch_norm.h"

#include <optional>

#include "engine/ranks.h"
#include "engine/trace.h"
#include "ops/batch_norm_whole.h"
#include "ops/norm_checks.h"

namespace weft {
namespace {

constexpr const char* op_name = "batch_norm";

/// This thread as a process by itself, where asked for.
struct ByItself {
  explicit ByItself(bool wanted) {
    if (wanted) alone.emplace();
  }
  std::optional<RanksHere> alone;
};

struct BatchNorm final : Op, Described, Recomputable {
  Tensor x, gamma, beta, mean, invstd;
  bool relu, constant_statistics, over_ranks;

  const char* name() const override { return op_name; }
  void backward(Backward& b) override {
    const ByItself by_itself(!over_ranks);
    const Tensor dx = b.needs(0) ? b.din_rows(0) : Tensor();
    const Tensor dgamma = b.needs(1) ? b.din(1) : Tensor();
    const Tensor dbeta = b.needs(2) ? b.din(2) : Tensor();
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      using Stat = stat_t<T>;
      const auto wanted = [](const Tensor& t) {
        return t.defined() ? t.view<Stat>() : View<Stat>{};
      };
      kernels::Normalisation<T> norm = normalisation<T>();
      if (const int64_t count = b.dout().shape()[0]; count < x.shape()[0]) {
        const int64_t first = b.first_row() / group_rows(), groups = count / group_rows();
        norm.mean = mean.rows(first, groups).view<Stat>();
        norm.invstd = invstd.rows(first, groups).view<Stat>();
      }
      kernels::batch_norm_backward<T>(ctx, b.rows(x).view<T>(), b.dout().view<T>(), norm,
                                      constant_statistics, dx.defined() ? dx.view<T>() : View<T>{},
                                      wanted(dgamma), wanted(dbeta));
    });
  }
  void compute_again(const AnyContext& context, const Tensor& out) const override {
    on_device(context, out.dtype(), [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::batch_norm_forward<T>(ctx, x.view<T>(), normalisation<T>(), out.view<T>());
    });
  }
  bool by_rows(const Backward& b) const override {  // groups are taken whole
    return b.first_row() % group_rows() == 0 && b.dout().shape()[0] % group_rows() == 0;
  }
  Attributes attributes() const override {
    return {{{"relu", {double(relu)}}, {"constant_statistics", {double(constant_statistics)}}},
            {{"mean", mean}, {"invstd", invstd}}};
  }
  int64_t group_rows() const { return x.shape()[0] / mean.shape()[0]; }
  template <class T>
  kernels::Normalisation<T> normalisation() const {
    using Stat = stat_t<T>;
    return {mean.view<Stat>(), invstd.view<Stat>(), gamma.view<Stat>(), beta.view<Stat>(), relu};
  }
};

void check(const Var& x, const BatchNormStats& stats, const BatchNormOptions& options,
           SourceLoc loc) {
  const Shape& shape = x.shape();
  if (shape.rank() < 2)
    shape_error(op_name, loc, "x must be [N, H, W, C] or [N, C], got {}", shape);
  expect_channels(op_name, x, "running_mean", stats.running_mean, loc);
  expect_channels(op_name, x, "running_var", stats.running_var, loc);
  if (!options.training) return;
  const int64_t groups = static_cast<int64_t>(options.group_weights.size());
  if (groups == 0 || shape[0] % groups != 0)
    shape_error(op_name, loc, "x {} does not divide into {} equal groups", shape, groups);
  if (shape.outer(shape.rank() - 1) / groups * current_ranks().size() < 2)
    shape_error(op_name, loc,
                "expected more than 1 value per channel in training, got x {} in {} group(s); use "
                "a larger batch or picture, or evaluation",
                shape, groups);
}

}  // namespace

void set_running_update(BatchNormOptions& options, int groups,
                        const std::vector<int>& group_of_task, double momentum) {
  options.group_weights.assign(static_cast<size_t>(groups), 0.0);
  options.keep = 1;
  options.tracked = static_cast<int64_t>(group_of_task.size());
  for (size_t k = group_of_task.size(); k-- > 0;) {  // the last task's weight is m itself
    options.group_weights.at(static_cast<size_t>(group_of_task[k])) += momentum * options.keep;
    options.keep *= 1 - momentum;
  }
}

Var batch_norm(const Var& x, const Var& gamma, const Var& beta, BatchNormStats& stats,
               const BatchNormOptions& options, SourceLoc loc) {
  return batch_norm(x, gamma, beta, std::vector<BatchNormStats*>{&stats}, options, loc);
}

Var batch_norm(const Var& x, const Var& gamma, const Var& beta,
               const std::vector<BatchNormStats*>& stats, const BatchNormOptions& options,
               SourceLoc loc) {
  Tape& tape = Tape::of(op_name, loc, x, gamma, beta);
  const ByItself by_itself(!options.over_ranks);
  for (const BatchNormStats* own : stats)
    tape.require(op_name, loc, own->running_mean, own->running_var);
  // One set of running statistics for all rows, whatever groups they have; or one for each part.
  const auto parts = static_cast<int64_t>(stats.size());
  if (parts == 0 || (parts > 1 && (x.shape().rank() < 2 || x.shape()[0] % parts != 0)))
    shape_error(op_name, loc, "x {} does not divide among {} sets of running statistics", x.shape(),
                parts);
  const int64_t in_part = options.training ? static_cast<int64_t>(options.group_weights.size()) : 1;
  const auto part_of = [&](int64_t g) {
    const int64_t rows = parts == 1 ? 0 : x.shape()[0] / parts;
    return parts == 1 ? x.value() : x.value().rows(g * rows, rows);
  };
  for (int64_t g = 0; g < parts; ++g)
    check(tape.constant(part_of(g)), *stats[static_cast<size_t>(g)], options, loc);
  expect_channels(op_name, x, "gamma", gamma.value(), loc);
  expect_channels(op_name, x, "beta", beta.value(), loc);
  auto op = std::make_unique<BatchNorm>();
  op->x = x.value();
  op->gamma = gamma.value();
  op->beta = beta.value();
  op->mean = tape.empty({parts * in_part, x.shape().back()}, stat_dtype(x.dtype()));
  op->invstd = tape.empty({parts * in_part, x.shape().back()}, stat_dtype(x.dtype()));
  op->relu = options.relu;
  op->constant_statistics = !options.training;
  op->over_ranks = options.over_ranks;
  Tensor y = tape.empty(x.shape(), x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    using Stat = stat_t<T>;
    bool normalised = false;
    for (int64_t g = 0; g < parts; ++g) {
      BatchNormStats& own = *stats[static_cast<size_t>(g)];
      const View<Stat> mean = op->mean.rows(g * in_part, in_part).template view<Stat>();
      const View<Stat> invstd = op->invstd.rows(g * in_part, in_part).template view<Stat>();
      const View<Stat> running_mean = own.running_mean.template view<Stat>();
      const View<Stat> running_var = own.running_var.template view<Stat>();
      const View<const T> part = part_of(g).template view<T>();
      if constexpr (!std::is_same_v<decltype(ctx), CpuContext&>) {  // all parts are of one size
        const int64_t rows = x.shape()[0] / parts;
        normalised = kernels::batch_norm_whole_forward<T>(
            ctx, part, options, mean, invstd, running_mean, running_var,
            {mean, invstd, gamma.value().view<Stat>(), beta.value().view<Stat>(), options.relu},
            y.rows(g * rows, rows).view<T>());
        if (normalised) continue;
      }
      if (options.training)
        kernels::batch_norm_statistics<T>(ctx, part, options, mean, invstd, running_mean,
                                          running_var);
      else
        kernels::batch_norm_recall<T>(ctx, running_mean, running_var, options.eps, mean, invstd);
    }
    if (!normalised)
      kernels::batch_norm_forward<T>(ctx, x.value().view<T>(), op->template normalisation<T>(),
                                     y.view<T>());
  });
  if (options.training)
    for (BatchNormStats* own : stats) own->num_batches_tracked += options.tracked;
  return tape.record(std::move(op), {x, gamma, beta}, std::move(y), loc);
}

void track_running(const Var& x, BatchNormStats& stats, const BatchNormOptions& options,
                   SourceLoc loc) {
  Tape& tape = Tape::of("batch_norm", loc, x, stats.running_mean, stats.running_var);
  const ByItself by_itself(!options.over_ranks);
  check(x, stats, options, loc);
  const auto groups = static_cast<int64_t>(options.group_weights.size());
  const DType full = stat_dtype(x.dtype());
  const Tensor mean = tape.empty({groups, x.shape().back()}, full);
  const Tensor invstd = tape.empty({groups, x.shape().back()}, full);
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    using Stat = stat_t<T>;
    kernels::batch_norm_statistics<T>(ctx, x.value().view<T>(), options, mean.view<Stat>(),
                                      invstd.view<Stat>(), stats.running_mean.view<Stat>(),
                                      stats.running_var.view<Stat>());
  });
  stats.num_batches_tracked += options.tracked;
}

}  // namespace weft
