// The alpha-beta model: sums that can be reckoned by hand, and what a network's step sends.
#include "train/cli/plan_ranks.h"

#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "train/step/build.h"

using namespace weft;
using namespace weft::cli;

TEST_CASE("plan of ranks: ring and tree by the alpha-beta model", "[plan_ranks]") {
  const Network network{1e9, 1e-5};
  // 4 ranks, 8 MB: 6 latencies and 1.5 times the bytes; 4 latencies and twice the bytes.
  CHECK(ring_seconds(4, 8e6, network) == Catch::Approx(6e-5 + 0.012));
  CHECK(tree_seconds(4, 8e6, network) == Catch::Approx(4e-5 + 0.016));
  CHECK(ring_seconds(1, 8e6, network) == 0);
  CHECK(tree_seconds(1, 8e6, network) == 0);
  // Latency is what a ring pays for many ranks.
  CHECK(ring_seconds(1024, 1e3, network) > 50 * tree_seconds(1024, 1e3, network));
  CHECK(ring_seconds(1024, 1e9, network) < tree_seconds(1024, 1e9, network) * 1.02);
}

TEST_CASE("plan of ranks: a step sends its gradients, and two sums a batch norm", "[plan_ranks]") {
  CpuContext cpu(1);
  RunFile run = test::rooms_run({"sharing=hard"});
  const auto model = make_model(&cpu, run);
  double bytes = 0;
  for (const Parameter& p : model->store().parameters())
    if (model->store().part_of(p) != Part::policy)
      bytes += 4.0 * static_cast<double>(p.value.numel());
  const std::string text = ranks_text(*model, run, 6, {1e9, 0}, 0.5);
  INFO(text);
  CHECK(text.find(fmt::format("{:.3f} MB of gradients", 1e-6 * bytes)) != std::string::npos);
  CHECK(text.find("in 40 sums of batch norms") != std::string::npos);  // ResNet-18 has 20
  CHECK(text.find("\n       2 ") != std::string::npos);
  CHECK(text.find("\n       4 ") != std::string::npos);
  CHECK(text.find("\n       6 ") != std::string::npos);
  run.model.bn_sync = false;  // each rank's own moments go nowhere
  CHECK(ranks_text(*model, run, 6, {1e9, 0}, 0.5).find("in 0 sums of batch norms") !=
        std::string::npos);
}
