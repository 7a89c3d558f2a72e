// What a step of TaskBalance passes on from one of its parts to the next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/tape.h"
#include "train/step/state.h"

namespace weft {

/// The m tasks of a step that have a label and a weight.
struct PresentTasks {
  Noise noise;
  int64_t epoch = 0;
  Phase phase = Phase::warmup;
  bool watched = false;
  std::vector<size_t> tasks;    ///< ascending
  std::vector<Var> losses;      ///< L_i
  std::vector<double> lambdas;  ///< their weights in the run file
  std::vector<Tensor> fetched;  ///< L_i on their way to the host
  std::vector<double> values;   ///< lambda_i L_i, once they are there
};

/// "layer1" of "layer1.0.conv1.weight" and of "trunks.seg.layer1.0.conv1.weight".
std::string stage_of(const std::string& parameter);
/// Leaves of `group` what is among `shared`, in its order.
void keep_shared(std::vector<Parameter*>& group, const std::vector<Parameter*>& shared);

}  // namespace weft
