// The run file of tests that hold backends and precisions against each other: three dense tasks on
// rendered rooms, a ResNet-18 of an eighth of the width. A test says what it changes as overrides of
// the run file, such as "retrain.steps=4"; `more` come after them, so that they win.
#pragma once

#include <string>
#include <vector>

#include "train/run_file/run_file.h"

namespace weft::test {

inline RunFile wide_rooms_run(std::vector<std::string> overrides,
                              const std::vector<std::string>& more = {}) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return parse_run_text(R"(
[model]
trunk = "resnet18"
width = 0.125
head_width = 32
[data]
kind = "scenes"
size = [48, 64]
batch = 8
count = 256
val_count = 8
test_count = 8
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "depth"
kind = "depth"
[[task]]
name = "normals"
kind = "normals"
)",
                        "wide_rooms.toml", overrides);
}

}  // namespace weft::test
