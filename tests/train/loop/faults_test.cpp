// A number that is none: which one it is, in sentences that name the keys to turn, and whether the
// run stops or counts.
#include "train/loop/faults.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/support/thread_ranks.h"
#include "tests/train/loop/parts_run.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::message_of;
using weft::test::parts_run;

namespace {

/// A step of which the tensor at `place` was bad; two tasks' losses, their sum, one gradient.
FinishedStep bad_step(const Model& model, int place, Phase phase = Phase::weights) {
  FinishedStep step;
  step.report.phase = phase;
  step.report.step = 3;
  step.total_step = 15;
  step.keys = {"a", "b", "c", "d", "e"};
  step.result.taken = false;
  step.result.losses = {Tensor::from({1}, {0.5}), Tensor::from({1}, {std::nan("")})};
  step.result.judgement = {Tensor::from({1}, {static_cast<double>(place)}, DType::i32),
                           {0, 1},
                           true,
                           {&model.store().parameters()[0]}};
  return step;
}

}  // namespace

TEST_CASE("faults: what was bad, in which batch, and what to try", "[train][nan]") {
  CpuContext cpu(1);
  RunFile run = parts_run({"policy.optimizer.trunk_lr=0.25"});
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const ParameterStore& store = model->store();
  Faults faults(run, *data);
  const auto said = [&](int place, Phase phase = Phase::weights) {
    return faults.explain(bad_step(*model, place, phase), store);
  };
  const std::string first = store.parameters()[0].name;
  CHECK(said(1).rfind("the loss of task 'depth' is nan, so the step was not taken; the batch was "
                      "'a', 'b', 'c', 'd' and 1 more; lower policy.optimizer.lr",
                      0) == 0);
  CHECK(said(2).rfind("the summed loss is NaN or infinite, though each task's is finite", 0) == 0);
  CHECK(said(3).rfind("the gradient of '" + first + "' holds NaN or infinity", 0) == 0);
  CHECK(said(3).find("lower policy.optimizer.trunk_lr (it is 0.25)") != std::string::npos);
  CHECK(said(3, Phase::policy).find("lower policy.logits.lr") != std::string::npos);
  for (const int place : {4, 5})  // mean and variance of the first
    CHECK(said(place).rfind("the running values of batch norm '" + store.stats()[0].name + "'",
                            0) == 0);
  std::string of_ranks;
  test::run_ranks(2, [&](int rank) {
    if (rank == 0) of_ranks = said(1);
  });
  CHECK(of_ranks.find("; rank 0's rows of the batch were 'a', 'b'") != std::string::npos);
  CHECK(said(1).find("--resume") == std::string::npos);
  faults.set_folder("runs/out/x");
  CHECK(
      said(3).find("go on with: weft train --resume runs/out/x policy.optimizer.trunk_lr=0.025") !=
      std::string::npos);
}

TEST_CASE("faults: a step stops the run, or is counted until too many in a row are",
          "[train][nan]") {
  CpuContext cpu(1);
  RunFile stops = parts_run(), skips = parts_run({"on_nonfinite=skip"});
  const auto data = open_dataset(stops);
  const auto model = make_model(&cpu, stops);
  const FinishedStep bad = bad_step(*model, 1);
  TrainState state;
  const auto left_out = [&](const RunFile& run) {
    return message_of<NumericError>(
        [&] { Faults(run, *data).leave_out(bad, model->store(), state); });
  };
  CHECK(left_out(stops).rfind("weights step 3 (run step 15): the loss of task 'depth' is nan", 0) ==
        0);
  CHECK(state.skipped == 0);
  CHECK(
      Faults(skips, *data).leave_out(bad, model->store(), state) ==
      "weights step 3 (run step 15): skipped: the loss of task 'depth' is nan; the batch was 'a', "
      "'b', 'c', 'd' and 1 more");
  CHECK((state.skipped == 1 && state.skipped_in_row == 1));
  state.skipped_in_row = Faults::most_skipped - 1;
  CHECK(left_out(skips).find("100 steps in a row were skipped") != std::string::npos);

  // Taken, as the host believed, until the device's verdict came in.
  FinishedStep later = bad;
  Faults(stops, *data).require_finite(later, model->store());
  later.result.taken = true;
  CHECK_THROWS_AS(Faults(stops, *data).require_finite(later, model->store()), NumericError);
}

TEST_CASE("faults: an evaluation that is no number stops the run or is the worst", "[train][nan]") {
  CpuContext cpu(1);
  RunFile stops = parts_run(), skips = parts_run({"on_nonfinite=skip"});
  const auto data = open_dataset(stops);
  const auto model = make_model(&cpu, stops);
  const auto fault = [&](const RunFile& run, double loss, Phase phase) {
    return Faults(run, *data)
        .fault_in({{"seg", loss, {}}}, phase, EvalSplit::val, 8, model->store());
  };
  CHECK_FALSE(fault(stops, 1, Phase::retrain));
  CHECK_THROWS_AS(fault(stops, std::nan(""), Phase::retrain), NumericError);
  CHECK_THROWS_AS(fault(skips, std::nan(""), Phase::infer), NumericError);
  const std::string said = fault(skips, std::nan(""), Phase::retrain).value();
  CHECK(said.rfind("evaluation on val after step 8: ", 0) == 0);
  CHECK(said.find("; it counts as the worst") != std::string::npos);
}
