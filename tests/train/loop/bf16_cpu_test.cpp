// precision = "bf16" on a CPU: products of factors rounded to bf16 in an otherwise unchanged step. Runs
// have bits of their own that no number of threads changes, and losses near f32's.
#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/run_bits.h"
#include "train/loop/trainer.h"

using namespace weft;
using weft::test::same;

namespace {

RunFile rooms(const std::string& precision) {
  return test::rooms_run({"model.width=0.25", "model.head=aspp", "model.head_width=16",
                          "warmup.steps=6", "policy.steps=8", "policy.weight_steps=2",
                          "policy.logit_steps=2", "retrain.steps=6", "eval.every=6",
                          "precision=" + precision});
}

struct Ended {
  std::vector<Tensor> bits;
  std::vector<double> losses;  ///< of all tasks, step by step
};

class Losses final : public TrainObserver {
 public:
  explicit Losses(std::vector<double>& to) : to_(to) {}
  void on_step(const StepReport& report) override {
    for (const Measure& loss : report.losses) to_.push_back(loss ? double{*loss} : -1);
  }

 private:
  std::vector<double>& to_;
};

Ended ended(const std::string& precision, int threads) {
  RunFile run = rooms(precision);
  const Device device(DeviceKind::cpu, threads, matrix_math(run.precision, run.device));
  const auto data = open_dataset(run);
  Ended out;
  Losses losses(out.losses);
  Trainer trainer(run, *data, device.context(), &losses);
  while (trainer.step()) {
  }
  out.bits = test::bits_of(trainer);
  return out;
}

}  // namespace

TEST_CASE("bf16 on the CPU: the same bits on 1 and 7 threads, run after run", "[train][bf16]") {
  if (!why_no_bf16().empty()) WEFT_SKIP(why_no_bf16());
  const Ended one = ended("bf16", 1);
  CHECK(same(one.bits, ended("bf16", 7).bits));
  CHECK(same(one.bits, ended("bf16", 1).bits));
  CHECK_FALSE(same(one.bits, ended("f32", 1).bits));
}

TEST_CASE("bf16 on the CPU: losses stay near f32's through all phases", "[train][bf16]") {
  if (!why_no_bf16().empty()) WEFT_SKIP(why_no_bf16());
  const std::vector<double> near = ended("bf16", 2).losses, full = ended("f32", 2).losses;
  REQUIRE(near.size() == full.size());
  REQUIRE(full.size() >= 40);
  CHECK(std::abs(near[0] - full[0]) <
        0.01 * full[0]);  // the first step starts from the same weights
  for (size_t i = 0; i < full.size(); ++i) {
    INFO("loss " << i << ": " << near[i] << " beside " << full[i]);
    CHECK(std::abs(near[i] - full[i]) < 0.25 * full[i]);
  }
}
