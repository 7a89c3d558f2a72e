// A trained run, opened for evaluation: run file, data, model with its weights, drawn policy.
#pragma once

#include <memory>
#include <string>

#include "train/build.h"
#include "train/device.h"
#include "train/evaluate.h"

namespace weft::cli {

struct OpenedRun {
  /// `which`: best, last or step-N; empty: best where there is one, else last.
  /// `device`: cpu or cuda; empty: the one it was trained on.
  OpenedRun(const std::string& folder, const std::string& which, const std::string& device,
            int threads);
  /// What evaluation executes; null: every block.
  const DrawnPolicy* policy() const { return state.drawn.select.empty() ? nullptr : &state.drawn; }

  AnyContext context() const { return device->context(); }

  std::unique_ptr<Device> device;  ///< outlives the model
  std::string checkpoint;          ///< path of the file
  TrainState state;
  RunFile run;
  std::unique_ptr<Dataset> data;
  std::unique_ptr<Model> model;
};

}  // namespace weft::cli
