// What a whole run is made of, counted before it begins: steps by phase, evaluations, samples of the
// policy, checkpoints, and how many batches meet data that nothing has loaded yet.
#pragma once

#include <array>
#include <vector>

#include "data/split.h"
#include "train/step/state.h"

namespace weft {

struct PhaseWork {
  Phase phase = Phase::warmup;
  int64_t steps = 0;
  double fresh = 0;  ///< of these steps, those whose samples have to be decoded or rendered
};

/// Evaluations of one part.
struct EvaluationWork {
  int64_t batches = 0;             ///< of one evaluation; 0: the part is empty
  std::array<int64_t, 3> times{};  ///< by stage, warmup to retrain
  double fresh = 0;                ///< of all of them, in evaluations

  int64_t all() const { return times[0] + times[1] + times[2]; }
};

struct RunWork {
  std::vector<PhaseWork> phases;  ///< those that have steps, in order
  EvaluationWork val, choice,
      test;  ///< val: of eval.split; choice: of policies, which validation chooses from
  int64_t resumable = 0;  ///< checkpoints that a run goes on from, moments included
  /// Checkpoints of the model alone: ends of stages, and the best, which is written most often
  /// where every evaluation finds a better step.
  int64_t models = 0;

  int64_t evaluations() const { return val.all() + choice.all() + test.all(); }
};

/// `kept`: the share of the samples that stay in memory once they are loaded.
RunWork work_of(const RunFile& run, const Dataset& data, const Parts& parts,
                const SearchClock& clock, bool has_policy, double kept);

/// kept_share: 0 where loading a sample again takes as long as before.
double kept_share(const Dataset& data);

}  // namespace weft
