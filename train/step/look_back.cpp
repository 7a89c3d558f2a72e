// TrainStep::look_back: what a method of balancing learns from the step that it has weighed (FAMO).
#include "engine/device.h"
#include "engine/device_tensor.h"
#include "train/step/build.h"
#include "train/step/running.h"
#include "train/step/slope_loss.h"
#include "train/step/train_step.h"

namespace weft {

/// The losses of the batch under the new weights, as in the step: batch norm by the batch, the same
/// noise. Its running values and counts stay as the step has left them.
void TrainStep::look_back(Model& model, StepInputs in, const Batch& batch, TaskBalance& balance) {
  const Counters counters(model.store());
  const std::vector<Tensor> running = running_of(model.store());
  std::vector<Tensor> kept;
  for (const Tensor& t : running) kept.push_back(copy_of(context_, t));
  in.targets = batch.targets;
  // Slopes that are learned are a part of the losses, and need a tape that records.
  Tape tape(context_, learns_slopes(run_) ? Tape::Mode::train : Tape::Mode::no_grad);
  in.images = upload_images(tape, batch.images, model, run_);
  std::vector<Tensor> losses;
  for (const auto& loss : compute_step(tape, model, run_, in).losses)
    losses.push_back(loss ? loss->value() : Tensor());
  balance.losses_after(losses);
  for (size_t i = 0; i < running.size(); ++i) copy_to(context_, running[i], kept[i]);
  counters.restore();
}

}  // namespace weft
