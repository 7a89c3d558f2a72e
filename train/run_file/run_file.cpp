// Defaults that are not a member's initialiser, and small questions a spec answers about itself.
#include "train/run_file/run_file.h"

namespace weft {

RunFile::RunFile() {
  warmup.steps = 4000;
  policy.steps = 16000;
  retrain.steps = 20000;
  policy.optimizer.kind = OptimizerKind::sgd;
  policy.logits.lr = 0.01;
  policy.logits.betas = {0.9, 0.999};
  policy.logits.weight_decay = 5e-4;
}

std::string RunFile::place(const std::string& key) const {
  for (std::string at = key; !at.empty();) {
    if (const auto found = places.find(at); found != places.end()) return found->second;
    const size_t dot = at.rfind('.');
    at = dot == std::string::npos ? "" : at.substr(0, dot);
  }
  const auto source = places.find("");
  return source == places.end() ? name : source->second;
}

}  // namespace weft
