// A trained run, opened for evaluation: run file, data, model with its weights, drawn policy.
#pragma once

#include <memory>
#include <string>

#include "train/build.h"
#include "train/evaluate.h"

namespace weft::cli {

struct OpenedRun {
  /// `which`: best, last or step-N; empty: best where there is one, else last.
  OpenedRun(const std::string& folder, const std::string& which, int threads);
  /// What evaluation executes; null: every block.
  const DrawnPolicy* policy() const { return state.drawn.select.empty() ? nullptr : &state.drawn; }

  CpuContext cpu;
  std::string checkpoint;  ///< path of the file
  TrainState state;
  RunFile run;
  std::unique_ptr<Dataset> data;
  std::unique_ptr<Model> model;
};

}  // namespace weft::cli
