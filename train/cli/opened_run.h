// A trained run, opened from its checkpoint alone: run file, model with its weights, chosen policy,
// and what was learned from the data, which need not be there.
#pragma once

#include <memory>
#include <string>

#include "engine/device.h"
#include "train/step/build.h"
#include "train/step/evaluate.h"

namespace weft::cli {

struct OpenedRun {
  /// `which`: best, last or step-N; empty: best where there is one, else last.
  /// `device`: cpu or cuda; empty: the one it was trained on. `settings`: of elsewhere() alone.
  OpenedRun(const std::string& folder, const std::string& which, const std::string& device,
            int threads, const std::vector<std::string>& settings = {});
  /// What evaluation executes; null: every block.
  const BinaryPolicy* policy() const {
    return state.chosen.select.empty() ? nullptr : &state.chosen;
  }

  AnyContext context() const { return device->context(); }

  std::unique_ptr<Device> device;  ///< outlives the model
  std::string checkpoint;          ///< path of the file
  TrainState state;
  RunFile run;
  LearnedFromData learned;
  std::unique_ptr<Model> model;
};

/// Samples that weft itself divided are divided anew when there are others, so that some that were
/// trained on would be tested: DataError, which begins with the command. Parts that the data name stay
/// as they are.
void check_split(const OpenedRun& run, const Dataset& data, EvalSplit split, const char* command);

/// The settings, which may say where the data are and nothing else: `keys` of them (ConfigError).
const std::vector<std::string>& elsewhere(const std::vector<std::string>& settings,
                                          const std::vector<std::string>& keys);

}  // namespace weft::cli
