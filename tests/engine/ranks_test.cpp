// Ranks: sums in their order by rank, of the same bits on every rank; what is handed round comes whole.
#include "engine/ranks.h"

#include <cmath>
#include <numeric>

#include "tests/support/catch.h"
#include "tests/support/thread_ranks.h"

using namespace weft;
using weft::test::run_ranks;

namespace {

/// Of sizes that make the order of a sum matter.
double number(int rank, int64_t i) {
  return std::sin(1.0 + 7 * rank + static_cast<double>(i)) * std::pow(10.0, (i + rank) % 9);
}

}  // namespace

TEST_CASE("ranks: a process by itself is the first of one, and sums nothing", "[ranks]") {
  Ranks& alone = current_ranks();
  CHECK(alone.alone());
  CHECK(alone.first());
  double x[2] = {1.5, 2.5};
  alone.sum(x, 2);
  alone.mean(x, 2);
  CHECK(x[0] == 1.5);
  CHECK(x[1] == 2.5);
  CHECK(alone.agree(true));
  CHECK_FALSE(alone.agree(false));
  CHECK(alone.gather("me") == std::vector<std::string>{"me"});
}

TEST_CASE("ranks: sums and means are those in the order of ranks, rounded once", "[ranks]") {
  const auto size = GENERATE(1, 2, 3, 4, 7);
  const auto n = GENERATE(int64_t{0}, int64_t{1}, int64_t{5}, int64_t{1000}, int64_t{1} << 20,
                          (int64_t{1} << 20) + 3);
  std::vector<float> expected(static_cast<size_t>(n)), expected_mean(expected);
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int rank = 0; rank < size; ++rank) sum += static_cast<float>(number(rank, i));
    expected[i] = static_cast<float>(sum);
    expected_mean[i] = static_cast<float>(sum / size);
  }
  std::vector<char> right(static_cast<size_t>(size));
  run_ranks(size, [&](int rank) {
    std::vector<float> x(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(number(rank, i));
    std::vector<float> mean = x;
    current_ranks().sum_all(x);
    current_ranks().mean(mean.data(), n);
    right[rank] = x == expected && mean == expected_mean;
  });
  for (const char one : right) CHECK(one);
}

TEST_CASE("ranks: what is joined stands by rank, what is broadcast is the first's", "[ranks]") {
  std::vector<char> right(3);
  run_ranks(3, [&](int rank) {
    Ranks& ranks = current_ranks();
    std::vector<int64_t> mine(static_cast<size_t>(2 * rank), rank);  // the first has none
    ranks.join(mine);
    std::vector<double> bytes(300001, rank + 0.25);
    bytes.back() = -0.0;
    ranks.broadcast(bytes.data(), bytes.size() * sizeof(double));
    int64_t count = rank;
    ranks.sum_all(count);
    right[rank] = mine == std::vector<int64_t>{1, 1, 2, 2, 2, 2} && bytes[7] == 0.25 &&
                  bytes[300000] == 0 && std::signbit(bytes[300000]) && count == 3 &&
                  ranks.agree(rank == 0) && !ranks.agree(rank == 1) &&
                  ranks.gather(std::string(static_cast<size_t>(rank), 'x')) ==
                      std::vector<std::string>{"", "x", "xx"};
  });
  for (const char one : right) CHECK(one);
}

TEST_CASE("ranks: a thread is a rank while its scope lives, and by itself in an empty one",
          "[ranks]") {
  run_ranks(2, [](int rank) {
    if (current_ranks().rank() != rank || current_ranks().size() != 2) throw Error("no rank");
    {
      const RanksHere by_itself;
      if (!current_ranks().alone()) throw Error("not by itself");
    }
    if (current_ranks().alone()) throw Error("still by itself");
  });
  CHECK(current_ranks().alone());
}
