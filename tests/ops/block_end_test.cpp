// block_end: against plain loops and differences, against the three ops that it stands for, and on a GPU
// its own kernels against them.
#include <cmath>

#include "ops/add_relu.h"
#include "ops/block_end.h"
#include "ops/cast.h"
#include "ops/gate.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

struct Case {
  Shape x;  ///< of all groups
  int groups;
  bool by_set = false;  ///< each group has running statistics of its own
};

BatchNormOptions options_of(const Case& c) {
  BatchNormOptions options;
  options.group_weights.assign(c.by_set ? 1 : static_cast<size_t>(c.groups), 0.1);
  return options;
}

/// Running statistics where the tape computes.
struct Sets {
  std::vector<BatchNormStats> all;
  Sets(const Tape& tape, const Case& c, DType dtype)
      : all(c.by_set ? static_cast<size_t>(c.groups) : 1) {
    const int64_t channels = c.x.back();
    for (BatchNormStats& s : all) {
      const Values zeros(static_cast<size_t>(channels), 0.0), ones(zeros.size(), 1.0);
      s.running_mean = on_tape(tape, Tensor::from({channels}, zeros, dtype));
      s.running_var = on_tape(tape, Tensor::from({channels}, ones, dtype));
    }
  }
  std::vector<BatchNormStats*> pointers() {
    std::vector<BatchNormStats*> out;
    for (BatchNormStats& s : all) out.push_back(&s);
    return out;
  }
  std::vector<Tensor> tensors() const {
    std::vector<Tensor> out;
    for (const BatchNormStats& s : all) out.insert(out.end(), {s.running_mean, s.running_var});
    return out;
  }
};

/// Inputs: x, gamma, beta, r, and a p [3, 2] for each group, whose row 2 - g % 3 counts.
int row_of(int group) { return 2 - group % 3; }

Var in_one(const Case& c, const std::vector<Var>& in, Sets& sets) {
  std::vector<GroupGate> gates;
  for (int g = 0; g < c.groups; ++g) gates.push_back({in[static_cast<size_t>(4 + g)], row_of(g)});
  return block_end(in[0], in[1], in[2], sets.pointers(), in[3], gates, options_of(c));
}

Var in_three(const Case& c, const std::vector<Var>& in, Sets& sets) {
  const Var h = batch_norm(in[0], in[1], in[2], sets.pointers(), options_of(c));
  std::vector<GateRow> rows;
  for (int g = 0; g < c.groups; ++g)
    rows.push_back({g, g, in[static_cast<size_t>(4 + g)], row_of(g)});
  return gate(add_relu(h, in[3]), in[3], rows, c.x[0] / c.groups);
}

Values naive(const Case& c, const std::vector<Values>& in) {
  const auto channels = static_cast<size_t>(c.x.back());
  const auto groups = static_cast<size_t>(c.groups);
  const size_t rows = in[0].size() / channels / groups;
  Values y(in[0].size());
  for (size_t g = 0; g < groups; ++g)
    for (size_t k = 0; k < channels; ++k) {
      const auto at = [&](size_t i) { return (g * rows + i) * channels + k; };
      double mean = 0, var = 0;
      for (size_t i = 0; i < rows; ++i) mean += in[0][at(i)] / static_cast<double>(rows);
      for (size_t i = 0; i < rows; ++i)
        var += std::pow(in[0][at(i)] - mean, 2) / static_cast<double>(rows);
      const size_t row = static_cast<size_t>(row_of(static_cast<int>(g)));
      for (size_t i = 0; i < rows; ++i) {
        const double z =
            in[1][k] * (in[0][at(i)] - mean) / std::sqrt(var + 1e-5) + in[2][k] + in[3][at(i)];
        y[at(i)] = in[4 + g][2 * row] * std::max(z, 0.0) + in[4 + g][2 * row + 1] * in[3][at(i)];
      }
    }
  return y;
}

/// What both ways make of one case: y, running statistics, and the gradients of <w, y>. All numbers of
/// the case are bf16's.
std::vector<Values> results(const AnyContext& context, const Case& c, DType dtype, bool three) {
  Tape tape(context);
  std::vector<Var> in;
  const auto there = [&](const Shape& shape, Values values, DType type) {
    for (double& v : values) v = std::round(64 * v) / 64;
    const DType host = type == DType::bf16 ? DType::f32 : type;
    return converted(context, on_tape(tape, Tensor::from(shape, values, host)), type);
  };
  const auto back = [&](const Tensor& t) {
    const DType host = t.dtype() == DType::bf16 ? DType::f32 : t.dtype();
    return from_tape(tape, converted(context, t, host)).to_vector();
  };
  const auto leaf = [&](const Shape& shape, uint64_t seed, double low, double high, DType type) {
    Values values(static_cast<size_t>(shape.numel()));
    const Philox philox(seed, Stream::balance, 0, "block_end");
    for (size_t k = 0; k < values.size(); ++k) values[k] = low + (high - low) * philox.uniform(k);
    in.push_back(tape.leaf(there(shape, values, type)));
  };
  const DType full = stat_dtype(dtype);
  leaf(c.x, 1, -2, 3, dtype);
  leaf({c.x.back()}, 2, 0.5, 1.5, full);
  leaf({c.x.back()}, 3, -0.5, 0.5, full);
  leaf(c.x, 4, -1, 2, dtype);
  for (int g = 0; g < c.groups; ++g) leaf({3, 2}, 5 + static_cast<uint64_t>(g), 0.1, 0.9, full);
  Sets sets(tape, c, full);
  const Var y = three ? in_three(c, in, sets) : in_one(c, in, sets);
  Values weights(static_cast<size_t>(c.x.numel()));
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = std::sin(static_cast<double>(i) * 0.37) + 0.2;
  tape.backward(y, there(c.x, weights, dtype));
  std::vector<Values> out{back(y.value())};
  for (const Tensor& t : sets.tensors()) out.push_back(back(t));
  for (const Var& v : in) out.push_back(back(tape.grad(v)));
  return out;
}

/// Apart by at most `bound` of the largest number.
void check_near(const Case& c, const std::vector<Values>& one, const std::vector<Values>& three,
                double bound) {
  REQUIRE(one.size() == three.size());
  for (size_t i = 0; i < one.size(); ++i) {
    INFO(fmt::format("{} in {} groups, result {}", c.x, c.groups, i));
    REQUIRE(one[i].size() == three[i].size());
    double size = 0, apart = 0;
    for (size_t j = 0; j < one[i].size(); ++j) {
      size = std::max(size, std::abs(three[i][j]));
      apart = std::max(apart, std::abs(one[i][j] - three[i][j]));
    }
    CHECK(apart <= bound * size);
  }
}

const std::vector<Case> cases{
    {{2, 3, 2, 5}, 1},          {{4, 3, 5, 8}, 2},   {{6, 5, 7, 16}, 3, true}, {{2, 33, 31, 64}, 2},
    {{4, 17, 13, 72}, 2, true}, {{17, 3, 3, 8}, 17}, {{2, 29, 23, 136}, 1},    {{3, 9, 11, 12}, 3}};

}  // namespace

TEST_CASE("block_end: select and skip of what a block adds, by group", "[ops]") {
  for (const Case& c :
       {Case{{2, 3, 2, 3}, 1}, Case{{4, 3, 2, 8}, 2}, Case{{6, 2, 3, 4}, 3, true}}) {
    OpCase check{.name = fmt::format("block_end {} in {} groups", c.x, c.groups),
                 .inputs = {c.x, {c.x.back()}, {c.x.back()}, c.x},
                 .op =
                     [c](const auto& in) {
                       Sets sets(in[0].tape(), c, stat_dtype(in[0].dtype()));
                       return in_one(c, in, sets);
                     },
                 .naive = [c](const auto& in) { return naive(c, in); },
                 .low = 0.3,
                 .high = 2.3};
    // The shortcut decides the sign of z, so that no difference crosses the kink.
    Values r(static_cast<size_t>(c.x.numel()));
    for (size_t i = 0; i < r.size(); ++i)
      r[i] = (i * 7 % 3 == 0 ? -12.0 : 12.0) + 0.1 * static_cast<double>(i % 5);
    check.values = {{}, {}, {}, r};
    for (int g = 0; g < c.groups; ++g) {
      check.inputs.push_back({3, 2});
      check.values.push_back({});
    }
    check.reduction = c.x.numel();
    check.f32_slack = 32;
    op_check(check);
  }
}

TEST_CASE("block_end: the three ops that it stands for", "[ops]") {
  const DType dtype = testing_cuda() ? DType::f32 : DType::f64;
  for (const Case& c : cases)
    check_near(c, results(test_device(), c, dtype, false), results(test_device(), c, dtype, true),
               testing_cuda() ? 4e-6 : 1e-12);
}

TEST_CASE("block_end: in bf16 what lies between is not rounded", "[cuda][ops]") {
  WEFT_NEEDS_CUDA();
  for (const Case& c : cases) {
    const bool own_kernels = c.x.back() % 8 == 0 && c.groups <= 16;
    check_near(c, results(cuda_device(), c, DType::bf16, false),
               results(cuda_device(), c, own_kernels ? DType::f32 : DType::bf16, true), 0.01);
  }
}

TEST_CASE("block_end: what does not go together is refused", "[ops]") {
  Tape tape(test_device());
  const auto constant = [&](const Shape& shape) {
    return tape.constant(
        on_tape(tape, Tensor::from(shape, Values(static_cast<size_t>(shape.numel()), 0.5))));
  };
  const Case c{{4, 2, 2, 3}, 2};
  const std::vector<Var> in{constant(c.x), constant({3}), constant({3}), constant(c.x)};
  Sets sets(tape, c, DType::f32);
  const Var p = constant({3, 2});
  const auto call = [&](const std::vector<GroupGate>& gates, BatchNormOptions options,
                        const Var& r) {
    return [&, gates, options, r] {
      block_end(in[0], in[1], in[2], sets.pointers(), r, gates, options);
    };
  };
  check_shape_error(call({{p, 0}}, options_of(c), in[3]), "1 gates for 2 groups");
  check_shape_error(call({{p, 0}, {p, 3}}, options_of(c), in[3]), "row 3 of p f32 [3, 2]");
  check_shape_error(call({{p, 0}, {p, 0}}, options_of(c), constant({4, 2, 2, 2})), "differ");
  BatchNormOptions evaluation;
  evaluation.training = false;
  check_shape_error(call({{p, 0}}, evaluation, in[3]), "evaluation");
}

}  // namespace weft
