// REINFORCE for policies of blocks per input, self-critical (BlockDrop, Wu et al., CVPR 2018, section 3.3; the
// baseline is the reward of the likeliest policy, Rennie et al. 2017):
//   L = -1/N sum_n [ (R_n(u) - R_n(u')) log pi_n(u) + beta H_n ],  u' = [p >= 1/2]
//   log pi_n(u) = sum over the active blocks of log p where u, of log(1 - p) where not; H: entropy
//   R_n(u) = 1 - (blocks that u executes / blocks)^2 where the image is right, else -penalty
// Right: a label of the whole image (classes, binary) that is predicted; for every other task,
// which knows no 'correct', a loss on the image of at most (1 + slack) times its loss with every
// block executed. One policy for all tasks: R is their mean by task.NAME.weight; tasks without a
// label on the image do not count, and an image without any teaches nothing.
// Rewards are of the network as evaluation runs it (running statistics, no dropout), so an image's
// do not depend on its batch. They are numbers: only the policy network gets a gradient of L.
#pragma once

#include "models/sharing/blockdrop.h"
#include "train/step/step.h"

namespace weft {

/// [policy][image]; nullopt where no task of the policy has a label on the image, NaN where what the
/// network says of it is no number.
using Rewards = std::vector<std::vector<std::optional<double>>>;

/// R of each decision, images [N, H, W, C] of `in`. Waits for a GPU.
std::vector<Rewards> rewards_of(const BlockDrop& model, const RunFile& run, const StepInputs& in,
                                const AnyContext& context, const std::vector<Decisions>& decisions);

/// L on the tape, for chances [N, policies * blocks] on it (BlockDrop::probabilities) and u drawn
/// from them. nullopt where no image has a label: zeros would be a step, too.
std::optional<Var> reinforce_loss(const BlockDrop& model, const RunFile& run, const StepInputs& in,
                                  const Var& chances, const Decisions& u, int active);

/// The policy's part in a training step's loss: L, of the decisions that forward() has drawn, or a
/// router's (route_loss.h). nullopt where the model has none of either, while it does not learn, or
/// from labels that are none.
std::optional<Var> policy_loss(Tape& tape, Model& model, const RunFile& run, const StepInputs& in);

/// Where the policy learns alone at this step, no other parameter is trained.
void freeze_weights(Model& model, const StepInputs& in);

}  // namespace weft
