// The time of a whole run before it: everything that it is made of is done a few times, by the same
// code, in a scratch folder, and counted (forecast_work.h). What cannot be known is taken at its
// middle: the policy that a search will end with is a sample of median work from the present logits.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/loop/forecast_work.h"
#include "train/loop/trainer.h"

namespace weft {

struct PhaseCost {
  PhaseWork work;
  double seconds = 0;  ///< a step whose data are in memory
  double loading = 0;  ///< more where they have to be decoded or rendered
  double peak_bytes = 0;
  double total() const { return seconds * static_cast<double>(work.steps) + loading * work.fresh; }
};

struct Forecast {
  std::vector<PhaseCost> phases;
  double start = 0;  ///< from opening the data to the first step
  double evaluations = 0, checkpoints = 0;
  double end = 0;  ///< summary and pictures
  RunWork work;
  double total() const;
};

/// What comes after the last evaluation, into the run folder.
using FinishRun = std::function<void(const std::string& folder, Trainer&)>;

/// The same run with a trainer that no phase's end stops to evaluate, draw or save.
RunFile without_ends(RunFile run);

/// What was measured before there was a trainer.
struct Opened {
  double data = 0, trainer = 0;  ///< seconds to open the one and to make the other
};

/// Of `run`, with a new trainer for `without_ends(run)`, which is used up. `beside`: a folder on
/// the disk that the run would write to, in which nothing is left. May be stopped by a signal, as a
/// run may.
Forecast forecast(Trainer& trainer, const RunFile& run, const Dataset& data, const Opened& opened,
                  const std::string& beside, const FinishRun& finish);

}  // namespace weft
