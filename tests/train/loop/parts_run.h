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

/// The same under a policy that chooses by REINFORCE or Gumbel among more than two (DEN, routing): in
/// 17 steps, with a checkpoint at each.
inline RunFile choices_run(const std::string& sharing, const std::string& estimator,
                           const std::vector<std::string>& more = {}) {
  std::vector<std::string> settings = {"sharing=" + sharing,   "policy.curriculum_speed=1",
                                       "policy.logits.lr=0.3", "policy.steps=9",
                                       "policy.draws=2",       "eval.every=4",
                                       "checkpoint.every=1"};
  settings.insert(settings.end(), more.begin(), more.end());
  settings.push_back("share.estimator=" + estimator);
  return parts_run(settings);
}

}  // namespace weft::test
