// Checkpoints: one safetensors file with every parameter, batch norm statistic and optimizer moment
// under PyTorch's names and layouts (OIHW), and the trainer's state and run file as metadata. What
// is read back is bitwise what was written, or refused: every byte lies under a checksum, the
// tensors are those of the network, none missing and none over, and the state is checked as
// strictly as the run file. Names: ARCHITECTURE.md section 11.
//   layer1.0.bn1.running_mean, policy.seg, optim.NAME.exp_avg, optim.NAME.step
#pragma once

#include <string>
#include <vector>

#include "models/sharing/sharing.h"
#include "train/optimizer.h"
#include "train/safetensors.h"
#include "train/state.h"

namespace weft {

/// Newest layout this build reads and the one it writes.
inline constexpr int checkpoint_format = 2;

struct Checkpoint {
  TrainState state;
  std::string run_text;  ///< the resolved run file
};

/// `optimizers` may be empty (best.safetensors holds weights alone). Atomic.
void save_checkpoint(const std::string& path, const Model& model,
                     const std::vector<const Optimizer*>& optimizers, const Checkpoint& checkpoint);

/// State and run file alone. Throws DataError for a file that is no checkpoint, damaged in its
/// header, or of another format.
Checkpoint read_checkpoint(const std::string& path);
/// Throws DataError where a state that was read from `path` is none that its run can be in: gates
/// of another number, a stage or step that the run has not got, scores without a step.
void check_state(const TrainState& state, const RunFile& run, Model& model,
                 const std::string& path);

/// Values and statistics into `model`; every name and shape must fit (DataError naming them).
void load_model(const std::string& path, Model& model);
/// Moments into `optimizers`, which hold the same parameters as when they were saved.
void load_optimizers(const std::string& path, const AnyContext& context,
                     const std::vector<Optimizer*>& optimizers);

/// Starts from somebody's weights, such as torchvision's ImageNet trunk: loads every name that file
/// and model share, into each trunk, each task's own batch norm and each task's copy of a trunk's
/// last layers (a split VGG-16); the classifier (fc.*) is left. Returns how many tensors were
/// taken; throws DataError where a shared name has another shape or no trunk tensor is found.
int load_pretrained(const std::string& path, Model& model);

// The parts that dumps share.

/// A value on the host in PyTorch's layout, and back.
Tensor to_torch_layout(const AnyContext& context, const Tensor& value);
void from_torch_layout(const AnyContext& context, const Tensor& to, const Tensor& file_value);
std::vector<NamedTensor> model_tensors(const Model& model);
std::vector<NamedTensor> optimizer_tensors(const AnyContext& context, const Optimizer& optimizer);
/// From the names prefix + NAME.
void load_tensors(const SafetensorsFile& file, const std::string& prefix, Model& model);
void load_moments(const SafetensorsFile& file, const std::string& prefix, const AnyContext& context,
                  Optimizer& optimizer);

}  // namespace weft
