// gate: stacked groups with shared branches and repeated probabilities, constant rows, the
// identities p = [1, 0] and p = [0, 1], and NaN in a branch that nobody selects.
#include <cmath>
#include <limits>

#include "ops/gate.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

/// A row by number: p is input 2 + `of`, or constants where `of` < 0.
struct RowSpec {
  int f, r, of, row;
  double select = 0, skip = 0;
};

std::vector<GateRow> gate_rows(const std::vector<RowSpec>& specs, const std::vector<Var>& in) {
  std::vector<GateRow> rows;
  for (const RowSpec& s : specs)
    rows.push_back({s.f, s.r, s.of < 0 ? Var() : in[2 + s.of], s.row, s.select, s.skip});
  return rows;
}

Values naive_gate(const std::vector<RowSpec>& specs, int64_t size, const std::vector<Values>& in) {
  Values y;
  for (const RowSpec& s : specs)
    for (int64_t i = 0; i < size; ++i) {
      const double select = s.of < 0 ? s.select : in[2 + s.of][2 * s.row];
      const double skip = s.of < 0 ? s.skip : in[2 + s.of][2 * s.row + 1];
      y.push_back((s.f < 0 ? 0 : select * in[0][s.f * size + i]) +
                  (s.r < 0 ? 0 : skip * in[1][s.r * size + i]));
    }
  return y;
}

/// L = 3 blocks, `tasks` probability tables.
OpCase gate_case(int64_t f_groups, int64_t r_groups, int64_t n, Shape sample, int tasks,
                 const std::vector<RowSpec>& specs) {
  const auto stacked = [&](int64_t groups) {
    Shape shape = {groups * n};
    for (int i = 0; i < sample.rank(); ++i) shape.push_back(sample[i]);
    return shape;
  };
  OpCase c{.name = fmt::format("gate {} and {} groups of {} x {}", f_groups, r_groups, n, sample),
           .inputs = {stacked(f_groups), stacked(r_groups)},
           .op = [=](const auto& x) { return gate(x[0], x[1], gate_rows(specs, x), n); },
           .naive = [=](const auto& in) { return naive_gate(specs, n * sample.numel(), in); }};
  for (int k = 0; k < tasks; ++k) c.inputs.push_back({3, 2});
  c.reduction = n * sample.numel();
  return c;
}

}  // namespace

TEST_CASE("gate: stacked groups", "[ops]") {
  // One task; three tasks on one input; three tasks whose inputs differ.
  op_check(gate_case(1, 1, 2, {3, 5, 7}, 1, {{0, 0, 0, 1}}));
  op_check(gate_case(1, 1, 2, {3, 5, 7}, 3, {{0, 0, 0, 2}, {0, 0, 1, 2}, {0, 0, 2, 2}}));
  op_check(gate_case(3, 2, 2, {2, 3, 5}, 2, {{2, 0, 0, 0}, {0, 1, 1, 0}, {1, 1, 0, 0}}));
  // Constant rows beside sampled ones, and branches that rows leave out.
  op_check(gate_case(2, 2, 1, {11}, 2,
                     {{0, -1, -1, 0, 1, 0},
                      {-1, 1, -1, 0, 0, 1},
                      {1, 0, 1, 2},
                      {0, 0, 0, 0},
                      {1, 1, -1, 0, 0.25, 0.75}}));
  for (const int64_t n : {pointwise_chunk - 1, pointwise_chunk, pointwise_chunk + 1})
    op_check(gate_case(1, 1, 1, {n}, 1, {{0, 0, 0, 0}}));
}

TEST_CASE("gate: more groups, and more readers of one group, than a launch on a GPU takes",
          "[ops]") {
  std::vector<RowSpec> apart, together;
  for (int j = 0; j < 70; ++j) {
    apart.push_back({j, 69 - j, j % 2, j % 3});
    together.push_back({0, j % 2, j % 3 == 0 ? -1 : 0, j % 3, 0.5, 0.25});
  }
  op_check(gate_case(70, 70, 1, {8}, 2, apart));
  op_check(gate_case(1, 2, 2, {9}, 1, together));
}

TEST_CASE("gate: identities, and NaN in a branch of weight 0", "[ops]") {
  Tape tape(test_device());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor f = Tensor::from({2, 3}, {1.5, -0.0, 3, -4, 1e-40, 6});
  const Tensor bad = Tensor::from({2, 3}, Values(6, nan));
  const Var x = tape.leaf(on_tape(tape, f)), y = tape.leaf(on_tape(tape, bad));
  const auto chosen = [&](const Var& first, const Var& second, double select, double skip) {
    const Var p = tape.constant(on_tape(tape, Tensor::from({2}, {select, skip})));
    return from_tape(tape, select_or_skip(first, second, p).value());
  };
  CHECK(same_bits(chosen(x, y, 1, 0), f));
  CHECK(same_bits(chosen(y, x, 0, 1), f));
  // Constant whole branches are handed over, not copied.
  const auto one = [](double select, double skip) {
    return std::vector<GateRow>{{.f_group = 0, .r_group = 0, .select = select, .skip = skip}};
  };
  const size_t before = tape.size();
  CHECK(gate(x, y, one(1, 0), 2).node() == x.node());
  CHECK(gate(y, x, one(0, 1), 2).node() == x.node());
  CHECK(tape.size() == before);
  const Var twice = gate(x, y, {one(1, 0)[0], one(1, 0)[0]}, 2);
  const Tensor both = from_tape(tape, twice.value());
  CHECK(same_bits(both.rows(0, 2), f));
  CHECK(same_bits(both.rows(2, 2), f));
  const Tensor seed = Tensor::from({4, 3}, {1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7});
  tape.backward(twice, on_tape(tape, seed));
  CHECK(from_tape(tape, tape.grad(x)).to_vector() == Values{8, 9, 10, 11, 12, 13});
  CHECK(from_tape(tape, tape.grad(y)).to_vector() == Values(6, 0.0));
}

TEST_CASE("gate: select_or_skip by differences", "[ops]") {
  op_check({.name = "select_or_skip",
            .inputs = {{2, 3, 5}, {2, 3, 5}, {2}},
            .op = [](const auto& x) { return select_or_skip(x[0], x[1], x[2]); },
            .naive =
                [](const auto& in) {
                  Values y;
                  for (size_t i = 0; i < in[0].size(); ++i)
                    y.push_back(in[2][0] * in[0][i] + in[2][1] * in[1][i]);
                  return y;
                },
            .reduction = 30});
}

TEST_CASE("gate: what it refuses", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto x = [&](const Shape& s) {
    return tape.constant(Tensor::from(s, Values(static_cast<size_t>(s.numel()), 1.0)));
  };
  const Var f = x({4, 3}), p = x({3, 2});
  check_shape_error(
      [&] {
        gate(f, x({4, 2}), {{0, 0, p}}, 2);
      },
      "gate: f f32 [4, 3] and r f32 [4, 2] differ beyond the first axis");
  check_shape_error(
      [&] {
        gate(f, f, {{2, 0, p}}, 2);
      },
      "row 0 reads group 2 of f [4, 3], which holds 2 group(s) of 2");
  check_shape_error([&] { gate(f, f, {{0, 0, p}}, 3); }, "[4, 3] does not divide into groups");
  check_shape_error([&] { gate(Var(), f, {{0, 0, p}}, 2); }, "of f, which is absent");
  check_shape_error([&] { gate(f, f, {{0, -1, p}}, 2); }, "it must read both f and r");
  check_shape_error(
      [&] {
        gate(f, f, {{0, 0, p, 3}}, 2);
      },
      "row 0 takes row 3 of p f32 [3, 2]; p must be f32 [L, 2]");
  check_shape_error([&] { gate(f, f, {{.f_group = 0, .skip = 1}}, 2); },
                    "weighs a branch that it does not read: [0, 1]");
  check_shape_error([&] { gate(f, f, {}, 2); }, "needs at least one row");
  check_shape_error([&] { select_or_skip(f, f, p); }, "p must be [2], got [3, 2]");
}

}  // namespace weft
