// dump: training steps laid open, so that anyone can check them in any framework. One safetensors
// file; keys of step s begin with "s/": before/ in/ noise/ policy/ mask/ out/ loss/ grad/ after/,
// under PyTorch's names and layouts; how each step was made is JSON in the metadata. grad/ is what
// the optimizer took: after clipping, where the step's clip_norm is not 0. An f64 run's dump is
// f64. bench/peer/check_dump.py recomputes everything from it.
#pragma once

#include <string>

#include "train/loop/trainer.h"

namespace weft {

struct DumpOptions {
  Phase phase = Phase::warmup;
  int64_t steps = 1;
  int64_t epoch = 0;   ///< policy epoch (weights and policy): the curriculum's stage
  int64_t step = 0;    ///< of retrain, the first one: BlockDrop's phases are steps of it
  std::string from;    ///< a dump whose 0/before and 0/in are taken over; empty: weft's own
  std::string policy;  ///< a policy file for the retrain phase; empty: chosen by the logits
};

/// Runs the steps and writes `out`. Throws ConfigError for a phase that the run does not have.
void dump_steps(const RunFile& run, const Dataset& data, AnyContext context,
                const DumpOptions& options, const std::string& out);

}  // namespace weft
