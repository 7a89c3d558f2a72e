// Policies as they are executed: shuffled, drawn by stochastic depth, weighed, refused.
#include "models/binary_policy.h"

#include <algorithm>
#include <cmath>

#include "tests/support/catch.h"

using namespace weft;

namespace {

const std::vector<std::string> tasks{"seg", "depth"};

/// Whether a share of n draws lies within 4 standard errors of p.
bool fits(double share, double p, int n) {
  return std::abs(share - p) <= 4 * std::sqrt(p * (1 - p) / n);
}

}  // namespace

TEST_CASE("the alternating policy: all run the first two blocks, then take turns",
          "[models][policy]") {
  CHECK(alternating_policy(2, 6).select ==
        std::vector<std::vector<int>>{{1, 1, 1, 0, 1, 0}, {1, 1, 0, 1, 0, 1}});
}

TEST_CASE("degenerate policies are refused with the reason", "[models][policy]") {
  const std::vector<std::string> tasks{"a", "b"}, blocks{"layer1.0", "layer2.0"};
  CHECK_FALSE(degenerate({{{1, 0}, {0, 1}}}, tasks, blocks));
  CHECK(*degenerate({{{1, 1}, {0, 0}}}, tasks, blocks) == "task b executes no block");
  CHECK(*degenerate({{{1, 0}, {1, 0}}}, tasks, blocks) == "block layer2.0 is executed by no task");
}

TEST_CASE("a shuffled policy executes as many blocks a task, and any as often",
          "[models][policy]") {
  const BinaryPolicy policy{{{1, 0, 0, 1, 1, 0}, {1, 0, 0, 0, 1, 0}}};
  constexpr int n = 4000;
  std::vector<double> share(6);
  for (uint32_t i = 0; i < n; ++i) {
    const BinaryPolicy other = shuffled(policy, tasks, 1, 3, i);
    for (size_t k = 0; k < 2; ++k)
      CHECK(std::count(other.select[k].begin(), other.select[k].end(), 1) ==
            std::count(policy.select[k].begin(), policy.select[k].end(), 1));
    for (size_t l = 0; l < 6; ++l) share[l] += other.select[0][l] / double{n};
  }
  CHECK(share[0] == Catch::Approx(1));  // skip_layer's
  for (size_t l = 1; l < 6; ++l) CHECK(fits(share[l], 2 / 5.0, n));
  CHECK(shuffled(policy, tasks, 1, 3, 7) == shuffled(policy, tasks, 1, 3, 7));
  CHECK_FALSE((shuffled(policy, tasks, 1, 3, 7) == shuffled(policy, tasks, 1, 3, 8) &&
               shuffled(policy, tasks, 1, 3, 8) == shuffled(policy, tasks, 1, 3, 9)));
}

TEST_CASE("stochastic depth: blocks survive less and less often, down to a half",
          "[models][policy]") {
  const BinaryPolicy policy = stochastic_depth(2, 8, 2);
  CHECK(policy.weights[1] == std::vector<double>{1, 1, 0.8125, 0.75, 0.6875, 0.625, 0.5625, 0.5});
  CHECK(policy.select == std::vector<std::vector<int>>(2, std::vector<int>(8, 1)));
  constexpr int n = 4000;
  std::vector<double> share(8);
  double apart = 0;
  for (uint32_t step = 0; step < n; ++step) {
    const BinaryPolicy drawn = survivors(policy, tasks, {5, step});
    REQUIRE(drawn.weights.empty());
    for (size_t l = 0; l < 8; ++l) share[l] += drawn.select[0][l] / double{n};
    apart += (drawn.select[0][7] != drawn.select[1][7]) / double{n};
  }
  CHECK((share[0] == Catch::Approx(1) && share[1] == Catch::Approx(1)));
  for (size_t l = 2; l < 8; ++l) CHECK(fits(share[l], policy.weights[0][l], n));
  CHECK(fits(apart, 0.5, n));  // each task by itself
  CHECK(survivors(policy, tasks, {5, 9}) == survivors(policy, tasks, {5, 9}));
}

TEST_CASE("a weighed policy is soft, but for blocks of weight 1", "[models][policy]") {
  const BinaryPolicy policy = weighed({{1, 0.25, 0}, {1, 1, 1}});
  CHECK(policy.select == std::vector<std::vector<int>>(2, {1, 1, 1}));
  const Gates gates = gates_of(policy);
  using Kind = Gate::Kind;
  CHECK((gates[0][0].kind == Kind::select && gates[0][1].kind == Kind::soft));
  CHECK(gates[0][2].kind == Kind::soft);
  for (const Gate& gate : gates[1]) CHECK(gate.kind == Kind::select);
  CHECK(gates_of({{{1, 0}}})[0] == std::vector<Gate>{{Kind::select}, {Kind::skip}});
}
