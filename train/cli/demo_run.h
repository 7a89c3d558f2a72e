// The demo's run file: three dense tasks on rendered rooms, a slim ResNet-18 and slim heads, short
// schedules. A sketch of the method that fits into minutes on two cores; runs/ holds real ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::cli {

/// What changes the run below: other rooms, and all else that is drawn, by the seed; then what the
/// user has set.
inline std::vector<std::string> demo_settings(int64_t seed, std::vector<std::string> of_user) {
  const std::string number = std::to_string(seed);
  of_user.insert(of_user.begin(), {"seed=" + number, "data.seed=" + number});
  return of_user;
}

inline constexpr const char* demo_run = R"(name = "demo"
seed = 1

[model]
trunk = "resnet18"
width = 0.25
head_width = 64
dropout = 0.1

[data]
kind = "scenes"
size = [64, 96]
batch = 8
count = 2000
val_count = 64
test_count = 200

[[task]]
name = "seg"
kind = "segmentation"
classes = 13

[[task]]
name = "normals"
kind = "normals"
weight = 2

[[task]]
name = "depth"
kind = "depth"

[warmup]
steps = 150
optimizer = { lr = 2e-3 }

[policy]
steps = 300
optimizer = { lr = 0.02 }
logits = { lr = 0.05 }
weight_steps = 10
logit_steps = 5
decay = 0.9
curriculum_speed = 1
sparsity = 0.02
sharing = 0.05
draws = 8

[retrain]
steps = 300
optimizer = { lr = 2e-3 }
schedule = { kind = "cosine" }

[eval]
every = 150

[checkpoint]
every = 150
)";

}  // namespace weft::cli
