// Losses come back with their steps, in order, once each; an absent one stays absent.
#include "train/loop/pending_losses.h"

#include "tests/support/catch.h"
#include "tests/support/device.h"

using namespace weft;

namespace {

Tensor number(double value) { return Tensor::from({1}, {value}); }

FinishedStep step_with(int64_t at, std::vector<Tensor> losses) {
  FinishedStep step;
  step.report = {Stage::search, Phase::weights, at, 9, {}};
  step.total_step = at + 12;
  step.result.losses = std::move(losses);
  return step;
}

}  // namespace

TEST_CASE("pending losses: every step once, in order, with the losses it had", "[train]") {
  CpuContext cpu(1);
  PendingLosses pending(&cpu);
  CHECK(pending.settle().empty());
  pending.add(step_with(3, {number(0.5), Tensor()}));
  pending.add(step_with(4, {Tensor(), number(-2)}));
  CHECK(pending.due());  // reading waits for nothing here
  const std::vector<FinishedStep> steps = pending.settle();
  REQUIRE(steps.size() == 2);
  CHECK(name_of(steps[0]) == "weights step 3 (run step 15)");
  CHECK(steps[0].report.losses == std::vector<Measure>{0.5, std::nullopt});
  CHECK(name_of(steps[1]) == "weights step 4 (run step 16)");
  CHECK(steps[1].report.losses == std::vector<Measure>{std::nullopt, -2.0});
  CHECK(pending.settle().empty());
}

TEST_CASE("cuda: pending losses wait once for as many steps as may be pending", "[cuda][train]") {
  WEFT_NEEDS_CUDA();
  PendingLosses pending(cuda_device());
  for (size_t i = 0; i < PendingLosses::most; ++i) {
    CHECK_FALSE(pending.due());
    const Tensor loss = to_device(cuda_device(), number(static_cast<double>(i)));
    pending.add(step_with(static_cast<int64_t>(i), {fetch_later(cuda_device(), loss)}));
  }
  CHECK(pending.due());
  const std::vector<FinishedStep> steps = pending.settle();
  REQUIRE(steps.size() == PendingLosses::most);
  for (size_t i = 0; i < steps.size(); ++i)
    CHECK(steps[i].report.losses[0] == static_cast<double>(i));
}
