// Settings that a run takes on its way.
#include "train/run_folder/changes.h"

#include <algorithm>

#include "engine/error.h"

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

}  // namespace weft
