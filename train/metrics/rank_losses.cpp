// Each rank's loss, weighed by its labels.
#include "train/metrics/rank_losses.h"

#include "engine/device_tensor.h"
#include "engine/ranks.h"
#include "ops/l1_loss.h"
#include "ops/over_ranks.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

/// The loss of no label at all: no element of the prediction is read.
Var loss_of_none(const Var& prediction) {
  const AnyContext& context = prediction.tape().context();
  const Shape& shape = prediction.shape();
  return l1_loss(prediction, zeros_on(context, shape, prediction.dtype()),
                 zeros_on(context, {shape[0], shape[1], shape[2]}, DType::u8));
}

LossShare share_of(const TaskSpec& task, Semantics semantics, const Shape& prediction,
                   const Tensor& target, const Geometry& geometry, bool own) {
  Ranks& ranks = current_ranks();
  const double weight =
      !own ? 0 : loss_weight(task, semantics, target, geometry, prediction[1], prediction[2]);
  double with_labels = own ? 1 : 0, all = weight;
  ranks.sum_all(with_labels, all);
  LossShare share{true, with_labels != 0};
  if (all != 0) share.factor = weight * ranks.size() / all;
  return share;
}

}  // namespace

std::optional<Var> rank_loss(const TaskSpec& task, Semantics semantics, const Var& prediction,
                             const Tensor& target, const Geometry& geometry, LossShare* share) {
  const std::optional<Var> own = task_loss(task, semantics, prediction, target, geometry);
  if (current_ranks().alone()) return own;
  LossShare asked;
  if (share == nullptr) share = &asked;
  if (!share->asked)
    *share = share_of(task, semantics, prediction.shape(), target, geometry, own.has_value());
  if (!share->labelled) return std::nullopt;
  const Var loss = own ? *own : loss_of_none(prediction);
  return mean_over_ranks(share->factor ? scale(loss, *share->factor) : loss);
}

}  // namespace weft
