// block_end: checks, record and backward.
#include "ops/block_end.h"

#include <algorithm>

#include "ops/add_relu.h"
#include "ops/batch_norm_parts.h"

namespace weft {
namespace {

constexpr const char* op_name = "block_end";
constexpr int first_gate = 4;  // inputs: x, gamma, beta, r, then p of every group

struct BlockEndOp final : Op {
  Tensor x, gamma, beta, r, mean, invstd, positive;
  std::vector<Tensor> gates;  // [1, 2], of every group
  std::vector<int> rows;
  bool over_ranks;

  const char* name() const override { return op_name; }
  int64_t group_rows() const { return x.shape()[0] / mean.shape()[0]; }

  template <class T>
  kernels::Normalisation<T> normalisation(int64_t first, int64_t count) const {
    using Stat = stat_t<T>;
    return {mean.rows(first, count).view<Stat>(), invstd.rows(first, count).view<Stat>(),
            gamma.view<Stat>(), beta.view<Stat>(), false};
  }
  template <class T>
  kernels::BlockEnd<T> end(const Tensor& shortcut, const Tensor& bits, int64_t first,
                           int64_t count) const {
    kernels::BlockEnd<T> out;
    if (shortcut.defined()) out.r = shortcut.view<T>();
    if (bits.defined()) out.positive = bits.view<uint8_t>();
    for (int64_t g = first; g < first + count; ++g)
      out.gate.push_back(gates[static_cast<size_t>(g)].data<stat_t<T>>());
    return out;
  }

  void backward(Backward& b) override {
    const ByItself by_itself(!over_ranks);
    const int64_t first = b.first_row() / group_rows();
    const int64_t count = b.dout().shape()[0] / group_rows();
    const Tensor dx = b.needs(0) ? b.din_rows(0) : Tensor();
    const Tensor dgamma = b.needs(1) ? b.din(1) : Tensor();
    const Tensor dbeta = b.needs(2) ? b.din(2) : Tensor();
    const Tensor dr = b.needs(3) ? b.over_dout() : Tensor();
    std::vector<Tensor> dp;
    for (int64_t g = first; g < first + count; ++g)
      dp.push_back(b.needs(first_gate + static_cast<int>(g))
                       ? b.din(first_gate + static_cast<int>(g))
                       : Tensor());
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const auto view_of = [](const Tensor& t, auto kind) {
        using K = decltype(kind);
        return t.defined() ? t.view<K>() : View<K>{};
      };
      kernels::BlockEndGradients<T> into{view_of(dx, T{}),
                                         view_of(dr, T{}),
                                         view_of(dgamma, stat_t<T>{}),
                                         view_of(dbeta, stat_t<T>{}),
                                         {}};
      if (std::any_of(dp.begin(), dp.end(), [](const Tensor& t) { return t.defined(); }))
        for (size_t i = 0; i < dp.size(); ++i) {
          if (dp[i].defined()) ctx.fill(dp[i], 0);
          const int row = rows[static_cast<size_t>(first) + i];
          into.dp.push_back(dp[i].defined() ? dp[i].rows(row, 1).template view<stat_t<T>>()
                                            : View<stat_t<T>>{});
        }
      kernels::block_end_backward<T>(ctx, b.rows(x).view<T>(), b.dout().view<T>(),
                                     normalisation<T>(first, count),
                                     end<T>(b.rows(r), b.rows(positive), first, count), into);
    });
    if (dr.defined()) b.pass(3, dr);
  }
  bool by_rows(const Backward& b) const override {  // groups are taken whole
    return b.first_row() % group_rows() == 0 && b.dout().shape()[0] % group_rows() == 0;
  }
};

}  // namespace

Var block_end(const Var& x, const Var& gamma, const Var& beta,
              const std::vector<BatchNormStats*>& stats, const Var& r,
              const std::vector<GroupGate>& gates, const BatchNormOptions& options, SourceLoc loc) {
  Tape& tape = Tape::of(op_name, loc, x, gamma, beta, r);
  for (const GroupGate& gate : gates) tape.require(op_name, loc, gate.p);
  const ByItself by_itself(!options.over_ranks);
  const NormParts parts(op_name, tape, x, gamma, beta, stats, options, loc);
  const auto groups = static_cast<int64_t>(gates.size());
  if (r.shape() != x.shape() || r.dtype() != x.dtype())
    shape_error(op_name, loc, "x {} {} and r {} {} differ", name_of(x.dtype()), x.shape(),
                name_of(r.dtype()), r.shape());
  if (!options.training || parts.count * parts.groups != groups)
    shape_error(op_name, loc, "{} gates for {} groups {}", groups, parts.count * parts.groups,
                options.training ? "in training" : "of evaluation, which has one");
  for (const GroupGate& gate : gates)
    if (const Shape& p = gate.p.shape(); p.rank() != 2 || p[1] != 2 || gate.row < 0 ||
                                         gate.row >= p[0] || gate.p.dtype() != parts.full)
      shape_error(op_name, loc, "row {} of p {} {}; p must be {} [L, 2]", gate.row,
                  name_of(gate.p.dtype()), p, name_of(parts.full));
  auto op = std::make_unique<BlockEndOp>();
  op->x = x.value();
  op->gamma = gamma.value();
  op->beta = beta.value();
  op->r = r.value();
  op->mean = parts.by_group(tape);
  op->invstd = parts.by_group(tape);
  op->over_ranks = options.over_ranks;
  std::vector<Var> inputs{x, gamma, beta, r};
  for (const GroupGate& gate : gates) {
    op->gates.push_back(gate.p.value().rows(gate.row, 1));
    op->rows.push_back(gate.row);
    inputs.push_back(gate.p);
  }
  if (tape.recording() &&
      std::any_of(inputs.begin(), inputs.end(), [](const Var& v) { return v.needs_grad(); })) {
    const SignBits bits(x.shape());
    op->positive = tape.empty({bits.rows, bits.row_bytes}, DType::u8);
  }
  Tensor y = tape.empty(x.shape(), x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    parts.moments<T>(ctx, x.value(), options, op->mean, op->invstd);
    kernels::block_end_forward<T>(
        ctx, x.value().view<T>(), op->template normalisation<T>(0, groups),
        op->template end<T>(r.value(), op->positive, 0, groups), y.view<T>());
  });
  parts.count_batches(options);
  if (std::none_of(gates.begin(), gates.end(), [](const GroupGate& g) { return g.p.needs_grad(); }))
    op->r = {};
  return tape.record(std::move(op), inputs, std::move(y), loc);
}

}  // namespace weft
