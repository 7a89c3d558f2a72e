// One step's forward pass: what runs, what is lost, and by which policy. The trainer, the dump and
// the benchmarks all go through compute_step, so what one shows is what the others do.
//   weights phases: L = sum_k lambda_k L_k + what the way of sharing adds (soft, sluice)
//   policy phase:   L = sum_k lambda_k L_k + sharing * L_share + sparsity * L_sparse
// (docs/method.md section 4).
// A parameter has a gradient where a task with labels in the batch and a weight, or a regulariser
// with a weight, reaches it, as in K separate passes; all others are left alone, moments included.
// Batch norm's running statistics follow every image that passes, with labels or without.
#pragma once

#include <optional>
#include <vector>

#include "data/loader.h"
#include "models/sharing/sharing.h"
#include "train/metrics/rank_losses.h"
#include "train/run_file/run_file.h"
#include "train/step/state.h"

namespace weft {

struct StepInputs {
  Phase phase = Phase::warmup;
  uint64_t seed = 0;
  uint32_t step = 0;                         ///< the run's step: key of this step's noise
  double temperature = 1;                    ///< weights and policy phases
  int active = 0;                            ///< blocks that use the policy; the same phases
  const BinaryPolicy* chosen = nullptr;      ///< retrain and infer phases of a model with a policy
  Var images;                                ///< normalised, in the model's dtype; as Batch's
  std::vector<Tensor> targets;               ///< host f32, NaN = invalid
  std::vector<LossShare>* shares = nullptr;  ///< per task, of a pass that may be recorded twice
};

struct StepOutputs {
  std::vector<Var> predictions;
  std::vector<std::optional<Var>> losses;  ///< per task; nullopt: the batch has no label of it
  std::optional<PolicySample> sample;
  std::optional<Var> sparsity, sharing;  ///< policy phase: before their coefficients
  std::optional<Var> regulariser;        ///< weights phases: the way of sharing's own term
  std::optional<Var> total;              ///< nullopt: nothing to learn from in this batch
};

/// Freezes what the phase does not train: logits outside the policy phase, all else inside it.
void set_trainable(Model& model, Phase phase);

/// Forward pass and losses on the tape; infer runs batch norm and dropout in evaluation mode.
StepOutputs compute_step(Tape& tape, Model& model, const RunFile& run, const StepInputs& inputs);

/// Where gates come from in this phase; nullopt: every block runs for every task.
std::optional<PolicySample> sample_policy(Pass& pass, Model& model, const RunFile& run,
                                          const StepInputs& inputs);

/// A batch's images on the tape's device, in the type in which the network computes.
Var upload_images(Tape& tape, const Tensor& images, const Model& model, const RunFile& run);
/// A host tensor on the tape's device, as `dtype`.
Tensor upload(const Tape& tape, const Tensor& host, DType dtype);

}  // namespace weft
