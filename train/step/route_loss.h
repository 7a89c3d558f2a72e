// REINFORCE for routers that look at the input (models/sharing/input_routing.h), self-critical as
// BlockDrop's (reinforce.h): of N images whose policies v drew the routes a, with a' the likeliest,
//   L = 1/N sum_{v,n} (C_{v,n}(a) - C_{v,n}(a')) log pi_{v,n}(a)
//   C_{v,n} = sum over the tasks k of policy v of lambda_k L_k, the loss on the image alone
// so that its gradient is that of the mean over images of E[C]: what straight-through Gumbel estimates
// too. Tasks without a label on the image do not count. Costs are of the network as evaluation runs it
// (running statistics, no dropout), so an image's do not depend on its batch. They are numbers: only
// the policy network gets a gradient of L.
#pragma once

#include "models/sharing/input_routing.h"
#include "train/step/image_losses.h"
#include "train/step/step.h"

namespace weft {

/// [policy][image]; nullopt where no task of the policy has a label on the image.
using Costs = std::vector<ImageLosses>;

/// C of each decision, images [N, H, W, C] of `in`. Waits for a GPU.
std::vector<Costs> costs_of(const InputRouting& model, const RunFile& run, const StepInputs& in,
                            const AnyContext& context, const std::vector<Decisions>& decisions);

/// L on the tape, for logits [N, policies * blocks, M] on it (InputRouting::logits) and a drawn from
/// them. nullopt where no image has a label.
std::optional<Var> route_loss(const InputRouting& model, const RunFile& run, const StepInputs& in,
                              const Var& logits, const Decisions& a);

/// What a training step adds to the loss: L where the estimator is REINFORCE, of the routes that
/// forward() has drawn, and the router's own terms. nullopt while it does not learn.
std::optional<Var> router_loss(Tape& tape, const InputRouting& model, const RunFile& run,
                               const StepInputs& in);

}  // namespace weft
