// The run file that tests of the trainer's parts share: two dense tasks, all phases.
#pragma once

#include "tests/support/rooms_run.h"
#include "train/run_file/run_file.h"

namespace weft::test {

inline RunFile parts_run(const std::vector<std::string>& overrides = {}) {
  return test::rooms_run(
      {"warmup.steps=4", "warmup.clip_norm=2.5",
       "warmup.schedule={ kind = \"step\", every = 2, factor = 0.5 }", "policy.steps=6",
       "policy.weight_steps=2", "policy.logit_steps=1", "retrain.steps=4"},
      overrides);
}

}  // namespace weft::test
