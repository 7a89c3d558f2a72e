// Settings that a run takes on its way.
#include "train/run_folder/changes.h"

#include <algorithm>

#include "engine/error.h"
#include "models/sharing/way.h"

namespace weft {

const std::vector<std::string>& changeable_keys() {
  static const std::vector<std::string> keys = {"warmup.optimizer.lr",
                                                "warmup.optimizer.trunk_lr",
                                                "warmup.clip_norm",
                                                "policy.optimizer.lr",
                                                "policy.optimizer.trunk_lr",
                                                "policy.clip_norm",
                                                "policy.logits.lr",
                                                "policy.logits.clip_norm",
                                                "retrain.optimizer.lr",
                                                "retrain.optimizer.trunk_lr",
                                                "retrain.clip_norm",
                                                "warmup.steps",
                                                "policy.steps",
                                                "retrain.steps",
                                                "balance.watch",
                                                "on_nonfinite",
                                                "debug",
                                                "eval.every",
                                                "eval.keep",
                                                "eval.patience",
                                                "checkpoint.every",
                                                "checkpoint.keep",
                                                "log.tensorboard",
                                                "data.root",
                                                "data.workers"};
  return keys;
}

RunFile changed_run(const std::string& run_text, const std::string& source,
                    const std::vector<std::string>& settings) {
  const auto& keys = changeable_keys();
  for (const std::string& setting : settings) {
    const std::string key = setting.substr(0, setting.find('='));
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      throw ConfigError(
          fmt::format("train: '{}' cannot change while a run goes on; --resume takes {}", key,
                      fmt::join(keys, ", ")));
  }
  return parse_run_text(run_text, source, settings);
}

void check_steps(const RunFile& begun, const RunFile& run, const TrainState& at) {
  for (const Stage stage : {Stage::warmup, Stage::search, Stage::retrain}) {
    const int64_t now = stage_steps(run, stage);
    if (now == stage_steps(begun, stage)) continue;
    constexpr const char* tables[] = {"warmup", "policy", "retrain"};
    const std::string setting =
        fmt::format("train: {}.steps={}", tables[static_cast<int>(stage)], now);
    const int64_t done = at.stage > stage    ? stage_steps(begun, at, stage)
                         : at.stage == stage ? at.step
                                             : 0;
    const bool ended =
        at.stage > stage || (at.stage == stage && done >= stage_steps(begun, at, stage));
    if (stage != Stage::retrain && !searches(begun, way_of(begun.sharing).policy))
      throw ConfigError(fmt::format("{}: this run has re-training alone", setting));
    if (stage != Stage::retrain && ended)
      throw ConfigError(
          fmt::format("{}: the {} ended after {} steps, and {}: it cannot be longer or shorter any "
                      "more, only retrain.steps can; train anew, with model.init = this folder to "
                      "begin from its weights",
                      setting, stage == Stage::warmup ? "warm-up" : "search", done,
                      stage == Stage::warmup ? "the search began from there"
                                             : "the policy was drawn and re-trained from there"));
    if (now <= done)
      throw ConfigError(
          fmt::format("{}: {} are done; more than those go on, fewer do not", setting, done));
  }
}

}  // namespace weft
