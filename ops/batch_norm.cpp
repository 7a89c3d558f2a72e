// Batch norm: checks, the weights of a running update, record and backward.
#include "ops/batch_norm.h"

#include "engine/ranks.h"
#include "engine/trace.h"
#include "ops/batch_norm_parts.h"
#include "ops/batch_norm_whole.h"
#include "ops/norm_checks.h"

namespace weft {
namespace {

constexpr const char* op_name = "batch_norm";

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

void check(const char* op_name, const Var& x, const BatchNormStats& stats,
           const BatchNormOptions& options, SourceLoc loc) {
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

NormParts::NormParts(const char* op, Tape& tape, const Var& x, const Var& gamma, const Var& beta,
                     const std::vector<BatchNormStats*>& of, const BatchNormOptions& options,
                     SourceLoc loc)
    : stats(of),
      count(static_cast<int64_t>(of.size())),
      groups(options.training ? static_cast<int64_t>(options.group_weights.size()) : 1),
      channels(x.shape().rank() > 0 ? x.shape().back() : 0),
      full(stat_dtype(x.dtype())) {
  for (const BatchNormStats* own : stats)
    tape.require(op, loc, own->running_mean, own->running_var);
  if (count == 0 || (count > 1 && (x.shape().rank() < 2 || x.shape()[0] % count != 0)))
    shape_error(op, loc, "x {} does not divide among {} sets of running statistics", x.shape(),
                count);
  for (int64_t g = 0; g < count; ++g)
    check(op, tape.constant(rows_of(x.value(), g)), *stats[static_cast<size_t>(g)], options, loc);
  expect_channels(op, x, "gamma", gamma.value(), loc);
  expect_channels(op, x, "beta", beta.value(), loc);
}

Tensor NormParts::rows_of(const Tensor& x, int64_t g) const {
  if (count == 1) return x;
  const int64_t rows = x.shape()[0] / count;
  return x.rows(g * rows, rows);
}

void NormParts::count_batches(const BatchNormOptions& options) const {
  if (options.training)
    for (BatchNormStats* own : stats) own->num_batches_tracked += options.tracked;
}

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
  const NormParts parts(op_name, tape, x, gamma, beta, stats, options, loc);
  auto op = std::make_unique<BatchNorm>();
  op->x = x.value();
  op->gamma = gamma.value();
  op->beta = beta.value();
  op->mean = parts.by_group(tape);
  op->invstd = parts.by_group(tape);
  op->relu = options.relu;
  op->constant_statistics = !options.training;
  op->over_ranks = options.over_ranks;
  Tensor y = tape.empty(x.shape(), x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    using Stat = stat_t<T>;
    bool normalised = false;
    if constexpr (!std::is_same_v<decltype(ctx), CpuContext&>) {
      for (int64_t g = 0; g < parts.count; ++g) {  // all of one size
        const View<Stat> mean = parts.of(op->mean, g).template view<Stat>();
        const View<Stat> invstd = parts.of(op->invstd, g).template view<Stat>();
        normalised = kernels::batch_norm_whole_forward<T>(
            ctx, parts.rows_of(x.value(), g).template view<T>(), options, mean, invstd,
            parts.stats[static_cast<size_t>(g)]->running_mean.template view<Stat>(),
            parts.stats[static_cast<size_t>(g)]->running_var.template view<Stat>(),
            {mean, invstd, gamma.value().view<Stat>(), beta.value().view<Stat>(), options.relu},
            parts.rows_of(y, g).template view<T>());
        if (!normalised) break;
      }
    }
    if (normalised) return;
    parts.moments<T>(ctx, x.value(), options, op->mean, op->invstd);
    kernels::batch_norm_forward<T>(ctx, x.value().view<T>(), op->template normalisation<T>(),
                                   y.view<T>());
  });
  parts.count_batches(options);
  return tape.record(std::move(op), {x, gamma, beta}, std::move(y), loc);
}

void track_running(const Var& x, BatchNormStats& stats, const BatchNormOptions& options,
                   SourceLoc loc) {
  Tape& tape = Tape::of("batch_norm", loc, x, stats.running_mean, stats.running_var);
  const ByItself by_itself(!options.over_ranks);
  check(op_name, x, stats, options, loc);
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
