// What ops do over ranks: dropout's mask is that of the whole batch, batch norm's statistics and
// gradients are, and a mean over ranks sends every rank its gradient.
#include "ops/over_ranks.h"

#include <cmath>

#include "ops/batch_norm.h"
#include "ops/dropout.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/op_check.h"
#include "tests/support/thread_ranks.h"

namespace weft {
namespace {

double value_at(int64_t i) {
  return std::sin(3.0 * static_cast<double>(i)) + 0.01 * static_cast<double>(i % 5);
}

/// Elements begin .. begin + n - 1 of a batch.
Tensor part(const Shape& shape, int64_t begin) {
  Values values;
  for (int64_t i = 0; i < shape.numel(); ++i) values.push_back(value_at(begin + i));
  return Tensor::from(shape, values, DType::f64);
}

double greatest(const Values& a, const Values& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return a.size() == b.size() ? most : 1e9;
}

/// Behind one another.
Values joined(const std::vector<Values>& parts) {
  Values all;
  for (const Values& one : parts) all.insert(all.end(), one.begin(), one.end());
  return all;
}

}  // namespace

TEST_CASE("dropout over ranks: the batch's mask, wherever a rank's rows begin", "[ops][ranks]") {
  const Noise noise{7, 3};
  for (const int64_t each : {int64_t{1}, int64_t{3}, int64_t{127}, int64_t{128}, int64_t{4 * 37},
                             pointwise_chunk + 130}) {
    CpuContext ctx(1);
    Tape tape(&ctx, Tape::Mode::no_grad);
    const Values whole =
        dropout(tape.constant(part({3 * each}, 0)), 0.5, noise, "d").value().to_vector();
    const Values relu_whole =
        relu_dropout(tape.constant(part({3 * each}, 0)), 0.5, noise, "d").value().to_vector();
    std::vector<Values> y(3), dx(3), relu_y(3);
    test::run_ranks(3, [&](int rank) {
      CpuContext own(1);
      Tape t(&own);
      const Var x = t.leaf(part({each}, rank * each));
      const Var out = dropout(x, 0.5, noise, "d");
      t.backward(out, Tensor::full({each}, 1, DType::f64));
      y[rank] = out.value().to_vector();
      dx[rank] = t.grad(x).to_vector();
      relu_y[rank] = relu_dropout(x, 0.5, noise, "d").value().to_vector();
    });
    CHECK(joined(y) == whole);
    CHECK(joined(relu_y) == relu_whole);
    const Values by = joined(dx);
    for (int64_t i = 0; i < 3 * each; ++i) CHECK(by[i] * value_at(i) == whole[i]);
  }
}

TEST_CASE("batch norm over ranks: statistics and gradients are the whole batch's", "[ops][ranks]") {
  const int64_t channels = 5, pixels = 6;
  for (const int groups : {1, 2})
    for (const int size : {2, 3}) {
      // Group by group, rank by rank: rows of the batch in each group.
      const auto rows_of = [&](int rank, int count, bool gradient) {
        Values values;
        for (int g = 0; g < groups; ++g)
          for (int r = rank; r < rank + count; ++r)
            for (int64_t i = 0; i < 2 * pixels * channels; ++i)
              values.push_back(value_at((gradient ? 100003 : 0) +
                                        ((g * size + r) * 2 * pixels * channels + i) * 7));
        return Tensor::from({groups * count * 2, pixels, 1, channels}, values, DType::f64);
      };
      struct Result {
        Values y, dx, dgamma, dbeta, mean, var;
      };
      const auto run = [&](int rank, int count) {
        CpuContext ctx(1);
        Tape tape(&ctx);
        BatchNormStats stats{Tensor::zeros({channels}, DType::f64),
                             Tensor::full({channels}, 1, DType::f64)};
        BatchNormOptions options;
        options.relu = true;
        options.group_weights.assign(static_cast<size_t>(groups), 0.1);
        options.keep = 0.8;
        const Var x = tape.leaf(rows_of(rank, count, false));
        const Var gamma = tape.leaf(part({channels}, 50)), beta = tape.leaf(part({channels}, 70));
        const Var y = batch_norm(x, gamma, beta, stats, options);
        tape.backward(y, rows_of(rank, count, true));
        return Result{y.value().to_vector(),          tape.grad(x).to_vector(),
                      tape.grad(gamma).to_vector(),   tape.grad(beta).to_vector(),
                      stats.running_mean.to_vector(), stats.running_var.to_vector()};
      };
      const Result whole = run(0, size);
      std::vector<Result> parts(static_cast<size_t>(size));
      test::run_ranks(size, [&](int rank) { parts[rank] = run(rank, 1); });
      const auto in_order = [&](Values Result::*which) {
        Values all;
        const auto each = static_cast<int64_t>((parts[0].*which).size()) / groups;
        for (int g = 0; g < groups; ++g)
          for (const Result& one : parts)
            all.insert(all.end(), (one.*which).begin() + g * each,
                       (one.*which).begin() + (g + 1) * each);
        return all;
      };
      const auto sum = [&](Values Result::*which) {
        Values all(static_cast<size_t>(channels));
        for (const Result& one : parts)
          for (size_t c = 0; c < all.size(); ++c) all[c] += (one.*which)[c];
        return all;
      };
      INFO(groups << " groups, " << size << " ranks");
      CHECK(greatest(in_order(&Result::y), whole.y) < 1e-13);
      CHECK(greatest(in_order(&Result::dx), whole.dx) < 1e-12);
      CHECK(greatest(sum(&Result::dgamma), whole.dgamma) < 1e-12);
      CHECK(greatest(sum(&Result::dbeta), whole.dbeta) < 1e-12);
      for (const Result& one : parts) {
        CHECK(one.mean == parts[0].mean);
        CHECK(one.var == parts[0].var);
        CHECK(greatest(one.mean, whole.mean) < 1e-14);
        CHECK(greatest(one.var, whole.var) < 1e-14);
      }
    }
}

TEST_CASE("batch norm of each rank's own: the bits of a process by itself", "[ops][ranks]") {
  struct Result {
    Values y, dx, dgamma, mean, var;
    bool operator==(const Result&) const = default;
  };
  const auto run = [&](int rank, bool over_ranks) {
    CpuContext ctx(1);
    Tape tape(&ctx);
    BatchNormStats stats{Tensor::zeros({3}, DType::f64), Tensor::full({3}, 1, DType::f64)};
    const auto values = [&](int64_t seed) {
      Values out;
      for (int64_t i = 0; i < 12; ++i) out.push_back(value_at(seed + 5 * i + 1000 * rank));
      return Tensor::from({4, 3}, out, DType::f64);
    };
    const Var x = tape.leaf(values(1));
    const Var gamma = tape.leaf(part({3}, 50)), beta = tape.leaf(part({3}, 70));
    BatchNormOptions options;
    options.over_ranks = over_ranks;
    const Var y = batch_norm(x, gamma, beta, stats, options);
    track_running(x, stats, options);
    tape.backward(y, values(77));
    return Result{y.value().to_vector(), tape.grad(x).to_vector(), tape.grad(gamma).to_vector(),
                  stats.running_mean.to_vector(), stats.running_var.to_vector()};
  };
  std::vector<Result> own(2), together(2);
  test::run_ranks(2, [&](int rank) { own[rank] = run(rank, false); });
  test::run_ranks(2, [&](int rank) { together[rank] = run(rank, true); });
  for (int rank = 0; rank < 2; ++rank) {
    CHECK(own[rank] == run(rank, false));
    CHECK(own[rank] == run(rank, true));  // by itself there is nobody else
    CHECK_FALSE(own[rank] == together[rank]);
  }
}

TEST_CASE("mean_over_ranks: the mean forward, the gradient as it came back", "[ops][ranks]") {
  std::vector<double> value(3), gradient(3);
  test::run_ranks(3, [&](int rank) {
    CpuContext ctx(1);
    Tape tape(&ctx);
    const Var x = tape.leaf(Tensor::from({}, {1.0 + rank}, DType::f64));
    const Var y = scale(mean_over_ranks(x), 5);
    tape.backward(y);
    value[rank] = y.value().item();
    gradient[rank] = tape.grad(x).item();
  });
  CHECK(value == Values{10, 10, 10});
  CHECK(gradient == Values{5, 5, 5});
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var alone = tape.leaf(Tensor::from({}, {2.0}, DType::f64));
  CHECK(mean_over_ranks(alone).node() == alone.node());
}

}  // namespace weft
