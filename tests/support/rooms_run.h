// The run file that tests of training start from: two dense tasks on a few small rendered rooms, the
// slimmest ResNet-18. A test says what it changes as overrides of the run file, such as
// "retrain.steps=4"; `more` come after them, so that they win.
#pragma once

#include <string>
#include <vector>

#include "train/run_file/run_file.h"

namespace weft::test {

inline RunFile rooms_run(std::vector<std::string> overrides = {},
                         const std::vector<std::string>& more = {}) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return parse_run_text(R"(
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
)",
                        "rooms.toml", overrides);
}

}  // namespace weft::test
