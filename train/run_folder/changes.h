// What `--resume` may change: where the data are and how they are read, how carefully the run goes
// on, how often it evaluates and saves, and how long stages are that go on. Whatever else a run file
// says makes another run.
#pragma once

#include <string>
#include <vector>

#include "train/run_file/run_file.h"
#include "train/step/state.h"

namespace weft {

/// warmup.optimizer.lr and so on, in the order in which messages list them.
const std::vector<std::string>& changeable_keys();

/// The checkpoint's run file with key=value settings; ConfigError for any other key.
RunFile changed_run(const std::string& run_text, const std::string& source,
                    const std::vector<std::string>& settings);

/// ConfigError where `run` gives a stage another number of steps than `begun` did and it cannot take
/// them at `at`: fewer than are done, or any where a stage has ended that others began from.
void check_steps(const RunFile& begun, const RunFile& run, const TrainState& at);

}  // namespace weft
