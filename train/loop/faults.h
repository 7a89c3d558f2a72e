// What happens when a number is none. A step whose loss, gradient or running values hold NaN or
// infinity is not taken (train/step/finite.h); it stops the run with what was bad, which data were in
// the batch and what to try, or, with on_nonfinite = "skip", is left out and counted. Results of an
// evaluation that are no numbers stop it too, and are never the best.
#pragma once

#include <optional>
#include <string>

#include "data/dataset.h"
#include "models/parameter_store.h"
#include "train/loop/pending_losses.h"
#include "train/run_file/run_file.h"

namespace weft {

/// "policy" for the search's weights steps: the table of the run file that the step obeys.
std::string table_of(Phase phase);

class Faults {
 public:
  /// Steps left out in a row; after so many nothing will change by itself.
  static constexpr int64_t most_skipped = 100;

  /// Both have to outlive it.
  Faults(const RunFile& run, const Dataset& data) : run_(run), data_(data) {}
  /// Sentences say from now on how to go on from this run folder.
  void set_folder(const std::string& folder) { folder_ = folder; }

  /// Throws NumericError, by explain(), where the step was counted as taken and the verdict that has
  /// come in since is bad.
  void require_finite(const FinishedStep& step, const ParameterStore& store) const;
  /// A step that was not taken: counts it and says what was bad; NumericError where the run stops
  /// for it, or too many were left out in a row.
  std::string leave_out(const FinishedStep& step, const ParameterStore& store,
                        TrainState& state) const;
  /// What is wrong with an evaluation that counts as the worst; nullopt: nothing. NumericError where
  /// the run stops for it.
  std::optional<std::string> fault_in(const std::vector<TaskResult>& results, Phase phase,
                                      EvalSplit split, int64_t total_step,
                                      const ParameterStore& store) const;
  /// "seg's loss is nan, so the step was not taken; the batch was ..; lower ..": what was bad, in
  /// which data, and what to try.
  std::string explain(const FinishedStep& step, const ParameterStore& store) const;

 private:
  std::string culprit(const FinishedStep& step, const ParameterStore& store) const;
  std::string data_of(const FinishedStep& step) const;
  std::string way_on(Phase phase, const ParameterStore& store,
                     const Parameter* parameter = nullptr) const;

  const RunFile& run_;
  const Dataset& data_;
  std::string folder_;
};

}  // namespace weft
