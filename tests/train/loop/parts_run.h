// The run file that tests of the trainer's parts share: two dense tasks, all phases.
#pragma once

#include "train/run_file/run_file.h"

namespace weft::test {

inline RunFile parts_run(const std::vector<std::string>& overrides = {}) {
  return parse_run_text(R"(
name = "parts"
[model]
width = 0.0625
head = "linear"
[data]
kind = "scenes"
size = [33, 33]
batch = 2
count = 12
val_count = 2
test_count = 2
workers = 0
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "depth"
kind = "depth"
[warmup]
steps = 4
clip_norm = 2.5
schedule = { kind = "step", every = 2, factor = 0.5 }
[policy]
steps = 6
weight_steps = 2
logit_steps = 1
[retrain]
steps = 4
)",
                        "parts.toml", overrides);
}

}  // namespace weft::test
