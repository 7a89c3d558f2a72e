// image_losses: the loss of one image after the other, fetched at once.
#include "train/step/image_losses.h"

#include "engine/device.h"
#include "ops/slice.h"

namespace weft {

ImageLosses image_losses(const TaskSpec& task, Semantics semantics, const Var& prediction,
                         const Tensor& target, const Geometry& geometry) {
  std::vector<Tensor> fetched;
  for (int64_t n = 0; n < target.shape()[0]; ++n) {
    const auto loss =
        task_loss(task, semantics, slice(prediction, 0, n, 1), target.rows(n, 1), geometry);
    fetched.push_back(loss ? fetch_later(prediction.tape().context(), loss->value()) : Tensor());
  }
  synchronize(prediction.tape().context());
  ImageLosses out;
  for (const Tensor& loss : fetched)
    out.push_back(loss.defined() ? std::optional(loss.item()) : std::nullopt);
  return out;
}

}  // namespace weft
