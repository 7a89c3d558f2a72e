// The same rules as the trainer's step, finish_step and decide_policy, in closed form: a run
// may have millions of steps.
#include "train/loop/forecast_work.h"

#include <algorithm>

#include "data/cached.h"
#include "train/step/build.h"
#include "train/step/evaluate.h"

namespace weft {
namespace {

/// Multiples of `every` among a stage's steps, without its last one: that has an end of its own.
int64_t within(int64_t before, int64_t steps, int64_t every) {
  return (before + steps - 1) / every - before / every;
}

/// Which training samples nothing has loaded yet; every part of an epoch holds its share of them.
class Unseen {
 public:
  Unseen(double kept, int64_t epoch) : kept_(kept), epoch_(static_cast<double>(epoch)) {}
  /// Of `steps` over a part with so many batches an epoch, those that load.
  double take(int64_t steps, int64_t batches) {
    const auto all = static_cast<double>(steps);
    const double first = std::min(all, static_cast<double>(batches)), fresh = first * share_;
    taken_ += fresh;
    return kept_ * fresh + (1 - kept_) * all;
  }
  void stage_ends() {
    share_ = std::max(0.0, share_ - taken_ / epoch_);
    taken_ = 0;
  }

 private:
  double kept_, epoch_, share_ = 1, taken_ = 0;
};

}  // namespace

double kept_share(const Dataset& data) {
  const auto* cached = dynamic_cast<const CachedDataset*>(&data);
  return cached == nullptr ? 0 : cached->kept_share();
}

RunWork work_of(const RunFile& run, const Dataset& data, const Parts& parts,
                const SearchClock& clock, bool has_policy, double kept) {
  RunWork work;
  const auto batches = [&](const std::vector<int64_t>& part) {
    return plan_epoch(data, part, train_loader_options(run, data, "train", 0)).batches;
  };
  const int64_t epoch = batches(parts.train);
  Unseen unseen(kept, epoch);
  int64_t before = 0;
  const auto add = [&](Phase phase, int64_t steps, int64_t part) {
    if (steps > 0) work.phases.push_back({phase, steps, unseen.take(steps, part)});
  };
  const auto ends = [&](Stage stage, int64_t steps) {
    if (steps == 0) return;
    work.val.times[static_cast<size_t>(stage)] = within(before, steps, run.eval.every) + 1;
    work.resumable += within(before, steps, run.checkpoint_every) + 1;
    work.models += 1;
    before += steps;
    unseen.stage_ends();
  };
  if (has_policy && searches(run, true)) {
    add(Phase::warmup, run.warmup.steps, epoch);
    ends(Stage::warmup, run.warmup.steps);
    const int64_t logits = clock.policy_cursor(run.policy.steps);
    if (run.policy.steps > 0) {
      add(Phase::weights, run.policy.steps - logits, batches(parts.weights));
      add(Phase::policy, logits, batches(parts.policy));
    }
    ends(Stage::search, run.policy.steps);
  }
  add(Phase::retrain, run.retrain.steps, epoch);
  ends(Stage::retrain, run.retrain.steps);
  work.resumable += 1;  // before the first step

  const auto evaluation = [&](const std::vector<int64_t>& part, int64_t most) -> int64_t {
    if (part.empty()) return 0;
    const int64_t all = plan_epoch(data, part, eval_loader_options(run, data)).batches;
    return most > 0 ? std::min(most, all) : all;
  };
  const EvalSplit split = run.eval.split;
  work.val.batches = evaluation(part_of(parts, split), run.eval.batches);
  if (work.val.batches == 0) work.val.times = {};
  if (split != EvalSplit::test) work.models += work.val.times[static_cast<size_t>(Stage::retrain)];
  work.test.batches = evaluation(parts.test, 0);
  work.choice.batches = evaluation(parts.val, run.eval.batches);
  const auto retrain = static_cast<size_t>(Stage::retrain);
  if (work.test.batches > 0) work.test.times[retrain] = 1;
  const bool by_validation =
      has_policy && draws_policy(run) && run.policy.choose == Choose::validation;
  if (by_validation && work.choice.batches > 0 && run.policy.draws > 1)
    work.choice.times[retrain] = run.policy.draws;

  const auto load = [&](EvaluationWork& of, bool seen) {
    const auto all = static_cast<double>(of.all());
    of.fresh = (1 - kept) * all + (seen || all == 0 ? 0 : kept);
  };
  load(work.val, false);
  load(work.choice, split == EvalSplit::val);
  load(work.test, split == EvalSplit::test);
  return work;
}

}  // namespace weft
