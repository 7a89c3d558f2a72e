// gate: checks, the terms of each group's sum, record and backward.
#include "ops/gate.h"

#include <algorithm>

#include "engine/trace.h"
#include "ops/reshape.h"

namespace weft {
namespace {

constexpr const char* op_name = "gate";

/// Inputs on the tape: f, r, then the p of every row that has one, in row order.
struct Gate final : Op, Described {
  struct Row {
    int f_group, r_group;
    Tensor p;       // undefined: constants
    int input = 0;  // p's place among the inputs
    int row;
    double select, skip;
  };
  std::vector<Row> rows;
  int64_t n = 0;  // extent 0 of one group
  Tensor f, r;

  const char* name() const override { return op_name; }

  /// What a row gives to or takes from one branch: 0 = f, 1 = r.
  template <class T>
  static kernels::GateTerm<T> term(const Row& row, int branch, const T* x) {
    if (row.p.defined()) return {x, row.p.data<stat_t<T>>() + 2 * row.row + branch, 0};
    return {x, nullptr, branch == 0 ? row.select : row.skip};
  }
  static int group(const Row& row, int branch) { return branch == 0 ? row.f_group : row.r_group; }

  template <class T, class Context>
  void forward(Context& ctx, const Tensor& y) const {
    std::vector<std::vector<kernels::GateTerm<T>>> terms(rows.size());
    for (size_t j = 0; j < rows.size(); ++j)
      for (int branch : {0, 1})
        if (const int g = group(rows[j], branch); g >= 0)
          terms[j].push_back(
              term<T>(rows[j], branch, (branch == 0 ? f : r).rows(g * n, n).template data<T>()));
    kernels::gate_sums<T>(ctx, terms, y.view<T>());
  }

  void backward(Backward& b) override {
    // Row j is in groups begin .. end - 1 of y, of which dout holds those.
    const auto begin = static_cast<size_t>(b.first_row() / n);
    const size_t end = begin + static_cast<size_t>(b.dout().shape()[0] / n);
    const bool all = end - begin == rows.size();
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      const auto dout = [&](size_t j) {
        return b.dout().rows(static_cast<int64_t>(j - begin) * n, n);
      };
      for (int branch : {0, 1}) {
        if (!b.needs(branch)) continue;
        std::vector<std::vector<kernels::GateTerm<T>>> terms(
            static_cast<size_t>(b.input_shape(branch)[0] / n));
        for (size_t j = begin; j < end; ++j)
          if (const int g = group(rows[j], branch); g >= 0)
            terms[static_cast<size_t>(g)].push_back(
                term<T>(rows[j], branch, dout(j).template data<T>()));
        if (all) {
          kernels::gate_sums<T>(ctx, terms, b.din(branch).template view<T>());
          continue;
        }
        Shape shape = b.input_shape(branch);
        shape.set(0, n);
        for (size_t g = 0; g < terms.size(); ++g) {
          const auto gives = [](const auto& t) { return t.weight != nullptr || t.constant != 0; };
          if (std::none_of(terms[g].begin(), terms[g].end(), gives)) continue;
          const Tensor dx = b.scratch(shape, b.dout().dtype());
          kernels::gate_sums<T>(ctx, {terms[g]}, dx.view<T>());
          b.pass_rows(branch, static_cast<int64_t>(g) * n, dx);
        }
      }
      for (size_t j = begin; j < end; ++j) {
        const Row& row = rows[j];
        if (!row.p.defined() || !b.needs(row.input)) continue;
        const Tensor dp = b.din(row.input);
        kernels::gate_dots<T>(
            ctx, dout(j).template view<T>(), f.rows(row.f_group * n, n).template data<T>(),
            r.rows(row.r_group * n, n).template data<T>(), row.row, dp.view<stat_t<T>>());
      }
    });
  }
  bool by_rows(const Backward& b) const override {
    return b.first_row() % n == 0 && b.dout().shape()[0] % n == 0;
  }
  /// Each row's f_group, r_group and the weights of both; p is read where it lies on the host.
  Attributes attributes() const override {
    std::vector<double> all;
    for (const Row& row : rows) {
      const std::vector<double> p =
          row.p.defined() ? row.p.rows(row.row, 1).to_vector() : std::vector{row.select, row.skip};
      all.insert(all.end(), {double(row.f_group), double(row.r_group), p[0], p[1]});
    }
    return {{{"n", {static_cast<double>(n)}}, {"rows", all}}, {}};
  }
};

void check_branch(const char* what, const Var& x, int group, int64_t n, size_t row, SourceLoc loc) {
  if (group < 0) return;
  if (!x.value().defined())
    shape_error(op_name, loc, "row {} reads group {} of {}, which is absent", row, group, what);
  if (x.shape()[0] < (group + 1) * n)
    shape_error(op_name, loc, "row {} reads group {} of {} {}, which holds {} group(s) of {}", row,
                group, what, x.shape(), x.shape()[0] / n, n);
}

void check_row(const GateRow& row, size_t j, DType dtype, SourceLoc loc) {
  if (!row.p.value().defined()) {
    if ((row.f_group < 0 && row.select != 0) || (row.r_group < 0 && row.skip != 0))
      shape_error(op_name, loc, "row {} weighs a branch that it does not read: [{}, {}]", j,
                  row.select, row.skip);
    return;
  }
  const Shape& p = row.p.shape();
  if (p.rank() != 2 || p[1] != 2 || row.row < 0 || row.row >= p[0] ||
      row.p.dtype() != stat_dtype(dtype))
    shape_error(op_name, loc, "row {} takes row {} of p {} {}; p must be {} [L, 2]", j, row.row,
                name_of(row.p.dtype()), p, name_of(stat_dtype(dtype)));
  if (row.f_group < 0 || row.r_group < 0)
    shape_error(op_name, loc, "row {} has probabilities, so it must read both f and r", j);
}

/// True where every row j hands over group j of one branch, whole.
bool is_branch(const std::vector<GateRow>& rows, int branch, const Var& x, int64_t n) {
  if (!x.value().defined() || x.shape()[0] != static_cast<int64_t>(rows.size()) * n) return false;
  for (size_t j = 0; j < rows.size(); ++j) {
    const GateRow& row = rows[j];
    const double own = branch == 0 ? row.select : row.skip;
    const double other = branch == 0 ? row.skip : row.select;
    if (row.p.value().defined() || own != 1 || other != 0) return false;
    if ((branch == 0 ? row.f_group : row.r_group) != static_cast<int>(j)) return false;
  }
  return true;
}

}  // namespace

Var gate(const Var& f, const Var& r, const std::vector<GateRow>& rows, int64_t n_per_group,
         SourceLoc loc) {
  const Var& some = f.value().defined() ? f : r;
  if (rows.empty() || n_per_group < 1 || !some.value().defined())
    shape_error(op_name, loc, "needs at least one row, one sample per group and one branch");
  Tape& tape = Tape::of(op_name, loc, f, r);
  for (const GateRow& row : rows) tape.require(op_name, loc, row.p);
  const auto sample = [](const Var& x) { return x.shape().rank() ? x.shape().inner(1) : 0; };
  if (f.value().defined() && r.value().defined() &&
      (f.dtype() != r.dtype() || f.shape().rank() != r.shape().rank() || sample(f) != sample(r)))
    shape_error(op_name, loc, "f {} {} and r {} {} differ beyond the first axis",
                name_of(f.dtype()), f.shape(), name_of(r.dtype()), r.shape());
  for (const Var& x : {f, r})
    if (x.value().defined() && (x.shape().rank() == 0 || x.shape()[0] % n_per_group != 0))
      shape_error(op_name, loc, "{} does not divide into groups of {}", x.shape(), n_per_group);
  for (size_t j = 0; j < rows.size(); ++j) {
    check_branch("f", f, rows[j].f_group, n_per_group, j, loc);
    check_branch("r", r, rows[j].r_group, n_per_group, j, loc);
    check_row(rows[j], j, some.dtype(), loc);
  }
  if (is_branch(rows, 0, f, n_per_group)) return f;
  if (is_branch(rows, 1, r, n_per_group)) return r;

  auto op = std::make_unique<Gate>();
  op->n = n_per_group;
  op->f = f.value();
  op->r = r.value();
  std::vector<Var> inputs = {f, r};
  bool p_needs_grad = false;
  for (const GateRow& row : rows) {
    op->rows.push_back({row.f_group, row.r_group, row.p.value(), static_cast<int>(inputs.size()),
                        row.row, row.select, row.skip});
    if (!row.p.value().defined()) continue;
    inputs.push_back(row.p);
    p_needs_grad |= row.p.needs_grad();
  }
  Shape shape = some.shape();
  shape.set(0, static_cast<int64_t>(rows.size()) * n_per_group);
  Tensor y = tape.empty(shape, some.dtype());
  on_device(tape, some,
            [&](auto& ctx, auto zero) { op->template forward<decltype(zero)>(ctx, y); });
  if (!p_needs_grad) op->f = op->r = Tensor();
  return tape.record(std::move(op), inputs, std::move(y), loc);
}

Var select_or_skip(const Var& f, const Var& r, const Var& p, SourceLoc loc) {
  if (p.shape() != Shape{2}) shape_error("select_or_skip", loc, "p must be [2], got {}", p.shape());
  if (f.shape() != r.shape() || f.shape().rank() == 0 || f.shape()[0] == 0)
    shape_error("select_or_skip", loc, "f {} and r {} must have one shape, not empty", f.shape(),
                r.shape());
  GateRow row{.f_group = 0, .r_group = 0, .p = reshape(p, {1, 2}, loc)};
  return gate(f, r, {row}, f.shape()[0], loc);
}

}  // namespace weft
