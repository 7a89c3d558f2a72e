// TrainState: all that a run is at one moment, beside its tensors. It is one plain struct, and a
// checkpoint is that struct written down (JSON) next to parameters, statistics and moments. What
// follows from the step alone (temperature, curriculum, cursors into the data) is computed from it
// by SearchClock, so there is nothing else to save: Philox leaves no generator state.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "models/policy.h"
#include "train/run_file/run_file.h"
#include "train/step/kept_scores.h"

namespace weft {

/// What one step does; the names of metrics, dumps and benchmarks.
enum class Phase : uint8_t { warmup, weights, policy, retrain, infer };
/// The parts of a run; `search` alternates weights and policy steps.
enum class Stage : uint8_t { warmup, search, retrain, done };
const char* name_of(Phase phase);
const char* name_of(Stage stage);

/// What the last step of a run that was stopped while it evaluated or drew still owes.
enum class Due : uint8_t { nothing, evaluation, next_stage };

/// How many lines of the run's record a checkpoint counts on; -1: it does not say.
struct RecordLines {
  int64_t metrics = -1, search = -1, balance = -1;

  bool operator==(const RecordLines&) const = default;
};

struct TrainState {
  Stage stage = Stage::warmup;
  int64_t step = 0;        ///< steps done in this stage
  int64_t total_step = 0;  ///< steps done in the run: the key of all noise
  BinaryPolicy chosen;     ///< what re-training executes; empty before it is chosen
  std::string chosen_how;  ///< in a sentence: which one was taken, and why
  double best_score = std::numeric_limits<double>::infinity();
  int64_t best_step = -1;           ///< eval.best = "per-task": the latest of the tasks' own
  std::vector<KeptStep> next_best;  ///< the others of eval.keep, the best first
  /// eval.best = "per-task": each task's own best score and its step; else empty.
  std::vector<double> task_best_score;
  std::vector<int64_t> task_best_step;
  /// The search's best on validation data since all blocks are learned, and its logits [n, 2] by
  /// task (policy.from = "best").
  double search_score = std::numeric_limits<double>::infinity();
  int64_t search_step = -1;
  std::vector<std::vector<double>> search_logits;
  Patience patience;
  std::array<int64_t, 3> stopped{-1, -1, -1};  ///< by stage: the step at which patience ended it
  /// Of last.safetensors, from which a run goes on.
  Due due = Due::nothing;
  RecordLines lines;
  int64_t skipped = 0, skipped_in_row = 0;  ///< steps not taken (on_nonfinite = "skip")
  std::vector<std::string> changes;         ///< of the run file, since it began, in sentences

  bool operator==(const TrainState&) const = default;
};

std::string to_json(const TrainState& state);
/// Throws DataError, naming `source`, where a key is missing, unknown, there twice or of another
/// type or range; what fits the run file and the model is checked by check_state (checkpoint.h).
TrainState state_from_json(const std::string& text, const std::string& source);

/// Steps that the run file gives a stage.
int64_t stage_steps(const RunFile& run, Stage stage);
/// Those, or as many as there were before patience ended it.
int64_t stage_steps(const RunFile& run, const TrainState& state, Stage stage);
/// Whether the run warms up and searches: a policy that is given needs neither, unless re-training
/// goes on from the search's weights; nor does stochastic depth.
bool searches(const RunFile& run, bool has_policy);
/// Whether re-training's policy comes of draws (policy.choose), or of the likeliest gates.
bool draws_policy(const RunFile& run);
/// Whether re-training's policy has weights (models/binary_policy.h).
bool weighs_blocks(const RunFile& run);

/// Where search step s stands: policy epochs of w weight steps and then a logit steps.
struct SearchClock {
  int64_t weight_steps, logit_steps;

  int64_t epoch(int64_t s) const { return s / (weight_steps + logit_steps); }
  int64_t position(int64_t s) const { return s % (weight_steps + logit_steps); }
  Phase phase(int64_t s) const {
    return position(s) < weight_steps ? Phase::weights : Phase::policy;
  }
  /// Batches of the weights part and of the policy part taken before step s.
  int64_t weight_cursor(int64_t s) const {
    return epoch(s) * weight_steps + std::min(position(s), weight_steps);
  }
  int64_t policy_cursor(int64_t s) const {
    return epoch(s) * logit_steps + std::max<int64_t>(position(s) - weight_steps, 0);
  }
  /// max(floor, T decay^epoch): decayed once a policy epoch, clamped so that it stays a softmax.
  static double temperature(const PolicySpec& spec, int64_t epoch) {
    return std::max(spec.floor,
                    spec.temperature * std::pow(spec.decay, static_cast<double>(epoch)));
  }
};

}  // namespace weft
