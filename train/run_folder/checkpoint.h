// Checkpoints: one safetensors file with every parameter, batch norm statistic and optimizer moment
// under PyTorch's names and layouts (OIHW), and the trainer's state and run file as metadata. What
// is read back is bitwise what was written, or refused: every byte lies under a checksum, the
// tensors are those of the network, none missing and none over, and the state is checked as
// strictly as the run file. Names (docs/architecture.md section 9.5):
//   layer1.0.bn1.running_mean, policy.seg, optim.NAME.exp_avg, optim.NAME.step, balance.method.xi
#pragma once

#include <string>
#include <vector>

#include "data/learned.h"
#include "models/parameter_file.h"
#include "models/sharing/sharing.h"
#include "train/step/optimizer.h"
#include "train/step/state.h"
#include "train/step/task_balance.h"

namespace weft {

/// Newest layout this build reads and the one it writes.
inline constexpr int checkpoint_format = 2;

struct Checkpoint {
  TrainState state;
  std::string run_text;  ///< the resolved run file
  LearnedFromData learned = {};
};

/// `optimizers` may be empty (best.safetensors holds weights alone), `balance` null. Atomic.
void save_checkpoint(const std::string& path, const Model& model,
                     const std::vector<const Optimizer*>& optimizers, const Checkpoint& checkpoint,
                     const TaskBalance* balance = nullptr);

/// The same for single-task networks whose best steps are each task's own: the networks of
/// `improved` as the model has them now, those of the other tasks as the file at `path` has them.
void save_best_of_tasks(const std::string& path, const Model& model,
                        const std::vector<std::string>& improved, const Checkpoint& checkpoint);

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

/// What a balance of tasks has learned; DataError where the file's is that of another method, or
/// fits neither its tasks nor the network.
void load_balance(const std::string& path, const Model& model, TaskBalance& balance);

// The parts that dumps and pretrained files share.

/// A file that weft wrote has checksums; one that has lost them is damaged.
void require_checksums(const SafetensorsFile& file);
std::vector<NamedTensor> optimizer_tensors(const AnyContext& context, const Optimizer& optimizer);
/// Their names begin with "balance.".
std::vector<NamedTensor> balance_tensors(const TaskBalance& balance,
                                         const std::vector<std::string>& tasks);
inline constexpr const char* balance_prefix = "balance.";
/// Metadata: how many of those a checkpoint holds.
inline constexpr const char* balance_key = "balance";
/// From the names prefix + NAME; these and no others (but moments and a balance's) have to be there.
void load_tensors(const SafetensorsFile& file, const std::string& prefix, Model& model);
void load_moments(const SafetensorsFile& file, const std::string& prefix, const AnyContext& context,
                  Optimizer& optimizer);

}  // namespace weft
