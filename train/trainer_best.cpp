// The best checkpoint where a run goes on and where it ends. It is written when validation likes a
// step best, between two others, so that it can be of a later step than the one a run goes on from.
#include "train/checkpoint.h"
#include "train/trainer.h"

namespace weft {

/// `best` has to be of the step that the state calls the best. Else it is of a later one, which the
/// run comes by again where its settings are the same, or it is damaged or gone: then the best is
/// counted anew from here, rather than weights tested that were not the best.
void Trainer::forget_lost_best() {
  if (state_.best_step < 0) return;
  std::string why;
  try {
    const std::string path = folder_->checkpoint("best");
    SafetensorsFile(path).verify();
    const int64_t step = read_checkpoint(path).state.total_step;
    if (step == state_.best_step) return;
    why = fmt::format("{} is of run step {}", path, step);
  } catch (const DataError& e) {
    why = e.what();
  }
  say(fmt::format("{}; the best so far was of run step {}: it is counted anew from here", why,
                  state_.best_step));
  state_.best_step = -1;
  state_.best_score = std::numeric_limits<double>::infinity();
}

/// What is tested at the end.
void Trainer::recall_best() {
  const std::string path = folder_->checkpoint("best");
  const int64_t step = read_checkpoint(path).state.total_step;
  if (step != state_.best_step)
    throw DataError(
        fmt::format("{}: is of run step {}, and this run's best is of step {}: another "
                    "process wrote it? go on with: weft train --resume {}",
                    path, step, state_.best_step, folder_->path()));
  load_model(path, *model_);
}

}  // namespace weft
