// One step: how its phase updates, and which of its numbers is at fault.
#include "train/step/train_step.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/train/loop/parts_run.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::parts_run;

TEST_CASE("train step: clipping and rate are the phase's; logits keep their rate", "[train]") {
  RunFile run = parts_run({"policy.logits.clip_norm=0.5"});
  CHECK(update_of(run, Phase::warmup, 0).clip_norm == 2.5);
  CHECK(update_of(run, Phase::warmup, 1).factor == 1);
  CHECK(update_of(run, Phase::warmup, 2).factor == 0.5);
  for (int64_t step : {0, 2, 5}) {
    CHECK(update_of(run, Phase::policy, step).clip_norm == 0.5);
    CHECK(update_of(run, Phase::policy, step).factor == 1);
  }
}

TEST_CASE("train step: the verdict names losses, their sum, gradients, running values", "[nan]") {
  Parameter a{"a", {}, {}}, b{"b", {}, {}};
  const auto culprit = [&](int place, bool total) {
    return Judgement{
        Tensor::from({1}, {static_cast<double>(place)}, DType::i32), {0, 2}, total, {&a, &b}}
        .culprit();
  };
  CHECK(culprit(1, true).task == size_t{2});
  CHECK(culprit(2, true).total);
  CHECK(culprit(3, true).gradient == &a);
  CHECK(culprit(2, false).gradient == &a);  // no task has a weight: nothing was summed
  CHECK(culprit(4, true).gradient == &b);
  for (int place : {5, 6}) CHECK(culprit(place, true).norm == size_t{0});
  CHECK(culprit(8, true).norm == size_t{1});
}

TEST_CASE("train step: one that is not finite leaves weights and statistics as they were",
          "[nan]") {
  CpuContext cpu(1);
  RunFile run = parts_run({"sharing=hard"});
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const auto optimizer = make_optimizer(&cpu, *model, run, Phase::retrain);
  Batch batch = Loader(*data, {0, 1}, train_loader_options(run, *data, "train", 0)).next();
  const Batch good = batch;
  batch.images = Tensor::from(good.images.shape(), good.images.to_vector());
  batch.images.data<float>()[0] = std::nanf("");
  StepInputs in;
  in.phase = Phase::retrain;
  TrainStep step(run, &cpu);
  const auto numbers = [&] {
    std::vector<double> all;
    for (const Parameter& p : model->store().parameters())
      for (double v : p.value.to_vector()) all.push_back(v);
    for (const NamedStats& s : model->store().stats()) {
      for (double v : s.stats.running_var.to_vector()) all.push_back(v);
      all.push_back(static_cast<double>(s.stats.num_batches_tracked));
    }
    return all;
  };
  const std::vector<double> before = numbers();
  const StepResult bad = step.take(*model, *optimizer, in, batch, {0, 1});
  CHECK_FALSE(bad.taken);
  CHECK(bad.judgement.culprit().task == size_t{0});
  CHECK(std::isnan(bad.losses[0].item()));
  CHECK(numbers() == before);
  const StepResult taken = step.take(*model, *optimizer, in, good, {0, 1});
  CHECK((taken.taken && taken.judgement.finite()));
  CHECK(numbers() != before);
  for (const Parameter& p : model->store().parameters()) CHECK_FALSE(p.grad.defined());
}

TEST_CASE("train step: rare sets of labels take turns in one recorded step", "[train]") {
  CpuContext cpu(1);
  RecordedSteps recorded(&cpu);
  Batch batch;
  batch.targets = {Tensor::from({1, 1, 1, 1}, {1})};
  Repeated& first = recorded.of(Phase::weights, batch);
  CHECK(&recorded.of(Phase::weights, batch) == &first);
  CHECK(&recorded.of(Phase::policy, batch) != &first);
  WEFT_NEEDS_CUDA();  // a CPU records nothing, so labels make no difference there
  RecordedSteps on_cuda(cuda_device());
  Repeated& labelled = on_cuda.of(Phase::weights, batch);
  batch.targets = {Tensor::from({1, 1, 1, 1}, {std::nan("")})};
  CHECK(&on_cuda.of(Phase::weights, batch) != &labelled);
}
