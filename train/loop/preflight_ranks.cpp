// What several ranks can train; see preflight.h.
#include "engine/error.h"
#include "engine/ranks.h"
#include "models/sharing/per_input.h"
#include "train/loop/preflight.h"
#include "train/step/build.h"

namespace weft {
namespace {

[[noreturn]] void refuse(const RunFile& run, const std::string& key, const std::string& message) {
  throw ConfigError(fmt::format("{}: '{}' {}, which {} ranks cannot divide; train with one process",
                                run.place(key), key, message, current_ranks().size()));
}

}  // namespace

void check_ranks(const RunFile& run, const Dataset& data, const Parts& parts, Model& model) {
  const int ranks = current_ranks().size();
  if (ranks == 1) return;
  if (per_input(model) != nullptr) refuse(run, "sharing", "decides for each image");
  for (const TaskSpec& task : run.tasks)
    if (!task.slopes.empty()) refuse(run, "task", fmt::format("\"{}\" learns slopes", task.name));
  for (const auto* part : {&parts.train, &parts.weights, &parts.policy}) {
    if (part->empty()) continue;
    const LoaderOptions options = train_loader_options(run, data, "train", 0);
    if (const int64_t batch = plan_epoch(data, *part, options).batch; batch % ranks != 0)
      refuse(run, "data.batch",
             fmt::format("is {}, and {} samples make batches of {}", run.data.batch, part->size(),
                         batch));
  }
}

}  // namespace weft
