// Batch norm: training with per-group statistics, evaluation, the fused relu, running updates
// against naive passes in task order, and accuracy far from zero.
#include <cmath>
#include <limits>

#include "ops/batch_norm.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

BatchNormStats fresh_stats(int64_t channels, DType dtype) {
  Values mean, var;
  for (int64_t c = 0; c < channels; ++c) {
    mean.push_back(0.125 * static_cast<double>(c % 5) - 0.25);
    var.push_back(0.5 + 0.25 * static_cast<double>(c % 3));
  }
  return {Tensor::from({channels}, mean, dtype), Tensor::from({channels}, var, dtype), 0};
}

struct Moments {
  double mean = 0, var = 0;  // biased
};

Moments moments(const Values& x, int64_t channels, int64_t c, int64_t first, int64_t rows) {
  Moments m;
  for (int64_t i = 0; i < rows; ++i) m.mean += x[(first + i) * channels + c];
  m.mean /= static_cast<double>(rows);
  for (int64_t i = 0; i < rows; ++i) m.var += std::pow(x[(first + i) * channels + c] - m.mean, 2);
  m.var /= static_cast<double>(rows);
  return m;
}

Values naive(const Shape& shape, const std::vector<Values>& in, const BatchNormOptions& options) {
  const int64_t channels = shape.back();
  const int64_t groups = options.training ? static_cast<int64_t>(options.group_weights.size()) : 1;
  const int64_t rows = shape.outer(shape.rank() - 1) / groups;
  const BatchNormStats stats = fresh_stats(channels, DType::f64);
  const Values mean = stats.running_mean.to_vector(), var = stats.running_var.to_vector();
  Values y(in[0].size());
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t c = 0; c < channels; ++c) {
      const Moments m =
          options.training ? moments(in[0], channels, c, g * rows, rows) : Moments{mean[c], var[c]};
      for (int64_t i = g * rows; i < (g + 1) * rows; ++i) {
        const double v =
            in[1][c] * (in[0][i * channels + c] - m.mean) / std::sqrt(m.var + options.eps) +
            in[2][c];
        y[i * channels + c] = options.relu ? std::max(v, 0.0) : v;
      }
    }
  return y;
}

OpCase batch_norm_case(const Shape& shape, const BatchNormOptions& options, uint64_t seed = 1) {
  const int64_t rows = shape.outer(shape.rank() - 1);
  // Two values per channel become +1 and -1 whatever they were: dx is rounding, nearly.
  const bool two_rows = options.training && rows == 2 * int64_t(options.group_weights.size());
  return {.name = fmt::format("batch_norm {} groups {}{}{}", shape, options.group_weights.size(),
                              options.training ? "" : " evaluation", options.relu ? " relu" : ""),
          .inputs = {shape, {shape.back()}, {shape.back()}},
          .op =
              [options](const auto& x) {
                BatchNormStats stats = fresh_stats(x[1].shape()[0], stat_dtype(x[0].dtype()));
                stats.running_mean = on_tape(x[0].tape(), stats.running_mean);
                stats.running_var = on_tape(x[0].tape(), stats.running_var);
                return batch_norm(x[0], x[1], x[2], stats, options);
              },
          .naive = [=](const auto& in) { return naive(shape, in, options); },
          .low = 0.3,
          .high = 2.3,
          .reduction = std::max<int64_t>(1, rows),
          .seed = seed,
          .f32_slack = two_rows ? 2000.0 : 8.0};
}

}  // namespace

TEST_CASE("batch_norm: training, per group", "[ops]") {
  for (const Shape& shape : std::vector<Shape>{{2, 1},
                                               {6, 3},
                                               {2, 3, 5, 7},
                                               {4, 5, 3, 17},
                                               {2, 8, 4, 257},
                                               {1, 33, 31, 3},
                                               {2, 37, 29, 5}})
    op_check(batch_norm_case(shape, {}));
  for (const int64_t rows : {1023, 1024, 1025, 2048, 2049})
    op_check(batch_norm_case({rows, 16}, {}));
  op_check(batch_norm_case({3, 29, 31, 40}, {}));  // chunks and strips, on a GPU
  BatchNormOptions three;
  three.group_weights = {0.1, 0.2, 0.3};
  op_check(batch_norm_case({6, 3}, three));
  op_check(batch_norm_case({3, 5, 7, 11}, three));
  op_check(batch_norm_case({3, 41, 37, 4}, three));
  op_check(batch_norm_case({3, 71, 37, 8}, three));
}

TEST_CASE("batch_norm: evaluation", "[ops]") {
  BatchNormOptions options;
  options.training = false;
  for (const Shape& shape : std::vector<Shape>{{0, 3}, {1, 1}, {5, 1, 1, 7}, {3, 19, 23, 5}})
    op_check(batch_norm_case(shape, options));
}

TEST_CASE("batch_norm: fused relu", "[ops]") {
  // Values drawn so that no output lies near the kink; gamma or beta decides the sign by channel.
  for (const bool training : {true, false}) {
    BatchNormOptions options;
    options.training = training;
    options.relu = true;
    options.group_weights = {0.1, 0.1};
    OpCase c = batch_norm_case({4, 3, 2, 3}, options);
    for (uint64_t seed = 1;; ++seed) {
      c.seed = seed;
      const std::vector<Values> in = {case_values(c, 0), case_values(c, 1), {-0.3, 0.1, 0.4}};
      c.values = {{}, {}, in[2]};
      BatchNormOptions linear = options;
      linear.relu = false;
      double nearest = 1;
      for (double v : naive(c.inputs[0], in, linear)) nearest = std::min(nearest, std::abs(v));
      if (nearest > 1e-3) break;
    }
    op_check(c);
  }
}

TEST_CASE("batch_norm: running statistics as naive passes in task order would leave them",
          "[ops]") {
  const std::vector<int> group_of_task = {1, 0, 1, 2};
  const int64_t channels = 5, n = 3;
  const Shape shape = {3 * n, 2, 3, channels};
  const OpCase c = batch_norm_case(shape, {});
  const Values x = case_values(c, 0);
  CpuContext ctx(2);
  Tape tape(&ctx);
  BatchNormOptions options;
  set_running_update(options, 3, group_of_task, 0.3);
  BatchNormStats stats = fresh_stats(channels, DType::f64);
  Values mean = stats.running_mean.to_vector(), var = stats.running_var.to_vector();
  const int64_t rows = n * 2 * 3;
  for (int group : group_of_task)
    for (int64_t k = 0; k < channels; ++k) {
      const Moments m = moments(x, channels, k, group * rows, rows);
      mean[k] = 0.7 * mean[k] + 0.3 * m.mean;
      var[k] = 0.7 * var[k] + 0.3 * m.var * rows / (rows - 1.0);
    }
  const Var one = tape.constant(Tensor::from({channels}, Values(channels, 1.0), DType::f64));
  batch_norm(tape.constant(Tensor::from(shape, x, DType::f64)), one, one, stats, options);
  CHECK(stats.num_batches_tracked == 4);
  for (int64_t k = 0; k < channels; ++k) {
    CHECK(std::abs(stats.running_mean.to_vector()[k] - mean[k]) < 1e-13);
    CHECK(std::abs(stats.running_var.to_vector()[k] - var[k]) < 1e-13);
  }
  // Stacked groups give each group exactly what a pass of its own gives.
  const Var y =
      batch_norm(tape.constant(Tensor::from(shape, x)),
                 tape.constant(Tensor::from({channels}, Values(channels, 1.5))),
                 tape.constant(Tensor::from({channels}, Values(channels, 0.5))),
                 *std::make_unique<BatchNormStats>(fresh_stats(channels, DType::f32)), options);
  BatchNormStats own = fresh_stats(channels, DType::f32);
  const Var alone = batch_norm(tape.constant(Tensor::from(shape, x).rows(n, n)),
                               tape.constant(Tensor::from({channels}, Values(channels, 1.5))),
                               tape.constant(Tensor::from({channels}, Values(channels, 0.5))), own);
  CHECK(same_bits(y.value().rows(n, n), alone.value()));
}

TEST_CASE("batch_norm: one launch gives what statistics and normalisation give apart", "[ops]") {
  const AnyContext& device = test_device();
  for (const Shape& shape : std::vector<Shape>{{2, 1}, {6, 13}, {338, 64}, {4, 31, 33, 40}}) {
    BatchNormOptions options;
    options.group_weights = {0.2};
    options.relu = true;
    if (shape[0] % 2 == 0 && shape[0] > 2) options.group_weights = {0.1, 0.3};
    const auto groups = static_cast<int64_t>(options.group_weights.size());
    const int64_t channels = shape.back();
    INFO(shape.str());
    Tape tape(device, Tape::Mode::no_grad);
    const Tensor x = on_tape(tape, Tensor::from(shape, case_values(batch_norm_case(shape, {}), 0)));
    const auto fresh = [&] {
      BatchNormStats stats = fresh_stats(channels, DType::f32);
      return BatchNormStats{on_tape(tape, stats.running_mean.clone()),
                            on_tape(tape, stats.running_var.clone())};
    };
    const Tensor gamma = on_tape(tape, Tensor::full({channels}, 1.5));
    const Tensor beta = on_tape(tape, Tensor::full({channels}, 0.25));
    BatchNormStats at_once = fresh(), apart = fresh();
    const Tensor y =
        batch_norm(tape.constant(x), tape.constant(gamma), tape.constant(beta), at_once, options)
            .value();
    const Tensor mean = tape.empty({groups, channels}, DType::f32);
    const Tensor invstd = tape.empty({groups, channels}, DType::f32);
    const Tensor wanted = tape.empty(shape, DType::f32);
    std::visit(
        [&](auto* ctx) {
          kernels::batch_norm_statistics<float>(
              *ctx, x.view<float>(), options, mean.view<float>(), invstd.view<float>(),
              apart.running_mean.view<float>(), apart.running_var.view<float>());
          kernels::batch_norm_forward<float>(
              *ctx, x.view<float>(),
              {mean.view<float>(), invstd.view<float>(), gamma.view<float>(), beta.view<float>(),
               options.relu},
              wanted.view<float>());
        },
        device);
    const auto check_close = [&](const Tensor& got, const Tensor& want) {
      const Values a = from_tape(tape, got).to_vector(), b = from_tape(tape, want).to_vector();
      for (size_t i = 0; i < b.size(); ++i)
        if (!(std::abs(a[i] - b[i]) <= 1e-5 * (1 + std::abs(b[i])))) {
          FAIL_CHECK(fmt::format("element {} is {:.9g}, apart {:.9g}", i, a[i], b[i]));
          return;
        }
      SUCCEED();
    };
    check_close(y, wanted);
    check_close(at_once.running_mean, apart.running_mean);
    check_close(at_once.running_var, apart.running_var);
  }
}

TEST_CASE("batch_norm: f32 statistics far from zero", "[ops]") {
  for (const int64_t rows : {1500, 200000}) {
    Tape tape(test_device(), Tape::Mode::no_grad);
    Values x;
    for (int64_t i = 0; i < rows; ++i)
      x.push_back(static_cast<double>(static_cast<float>(1000 + std::sin(static_cast<double>(i)))));
    const Moments truth = moments(x, 1, 0, 0, rows);
    BatchNormStats stats = fresh_stats(1, DType::f32);
    stats = {on_tape(tape, stats.running_mean), on_tape(tape, stats.running_var)};
    BatchNormOptions options;
    options.group_weights = {1};
    options.keep = 0;
    const Var one = tape.constant(on_tape(tape, Tensor::from({1}, {1.0})));
    batch_norm(tape.constant(on_tape(tape, Tensor::from({rows, 1}, x))), one, one, stats, options);
    CHECK(std::abs(from_tape(tape, stats.running_mean).item() - truth.mean) < 1e-4);
    const double unbiased = truth.var * static_cast<double>(rows) / static_cast<double>(rows - 1);
    CHECK(std::abs(from_tape(tape, stats.running_var).item() / unbiased - 1) < 1e-5);
  }
}

TEST_CASE("batch_norm: what it refuses, and NaN", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto tensor = [&](const Shape& s) {
    return tape.leaf(Tensor::from(s, Values(static_cast<size_t>(s.numel()), 1.0)));
  };
  BatchNormStats stats = fresh_stats(3, DType::f32);
  const Var c3 = tensor({3});
  check_shape_error(
      [&] {
        batch_norm(tensor({1, 1, 1, 3}), c3, c3, stats);
      },
      "batch_norm: expected more than 1 value per channel in training, got x [1, 1, "
      "1, 3] in 1 group(s)");
  BatchNormOptions two;
  two.group_weights = {0.1, 0.1};
  check_shape_error([&] { batch_norm(tensor({2, 3}), c3, c3, stats, two); }, "in 2 group(s)");
  check_shape_error(
      [&] {
        batch_norm(tensor({3, 3}), c3, c3, stats, two);
      },
      "x [3, 3] does not divide into 2 equal groups");
  check_shape_error(
      [&] {
        batch_norm(tensor({3, 3}), tensor({4}), c3, stats);
      },
      "gamma is f32 [4], x f32 [3, 3] needs f32 [3]");
  check_shape_error([&] { batch_norm(tensor({3}), c3, c3, stats); },
                    "x must be [N, H, W, C] or [N, C], got [3]");
  CHECK(stats.num_batches_tracked == 0);

  Values x(6, 1.0);
  x[1] = std::numeric_limits<double>::quiet_NaN();
  BatchNormOptions options;
  options.relu = true;
  const Values y = batch_norm(tape.constant(Tensor::from({2, 3}, x)), c3, c3, stats, options)
                       .value()
                       .to_vector();
  CHECK(std::isnan(y[1]));
  CHECK(y[0] == 1);
}

TEST_CASE("batch_norm: a channel that holds NaN has running values that are NaN", "[ops][nan]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, infinity, -infinity})
    for (const int64_t rows : {2, 7, 1031}) {  // one chunk, and several
      Tape tape(test_device());
      const auto full = [&](double value) {
        return on_tape(tape, Tensor::from({3}, Values(3, value)));
      };
      Values x(static_cast<size_t>(3 * rows));
      for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
      x[x.size() - 2] = bad;  // channel 1, in the last row
      BatchNormStats stats{full(0), full(1)};
      batch_norm(tape.constant(on_tape(tape, Tensor::from({rows, 3}, x))), tape.constant(full(1)),
                 tape.constant(full(0)), stats);
      const Values mean = from_tape(tape, stats.running_mean).to_vector();
      const Values var = from_tape(tape, stats.running_var).to_vector();
      for (const size_t c : {0, 2}) CHECK((std::isfinite(mean[c]) && std::isfinite(var[c])));
      CHECK_FALSE(std::isfinite(mean[1]));
      CHECK(std::isnan(var[1]));
    }
}

}  // namespace weft
