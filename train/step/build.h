// From the run file's words to objects: model, loaders, optimizers (the data set: open_data.h).
#pragma once

#include <memory>

#include "data/loader.h"
#include "models/sharing/sharing.h"
#include "train/run_file/run_file.h"
#include "train/step/open_data.h"
#include "train/step/optimizer.h"
#include "train/step/state.h"

namespace weft {

ModelOptions model_options(const RunFile& run);
std::unique_ptr<Model> make_model(AnyContext context, const RunFile& run);

/// A training part's loader, starting at batch `cursor`; `part` keys the order.
LoaderOptions train_loader_options(const RunFile& run, const Dataset& data, const std::string& part,
                                   int64_t cursor);
/// In order, unaugmented, the last batch as short as it is.
LoaderOptions eval_loader_options(const RunFile& run, const Dataset& data);

/// Heads at lr, trunk at trunk_lr, stitches at lr times share.lr_factor (warmup, weights,
/// retrain), or the logits (policy).
std::unique_ptr<Optimizer> make_optimizer(AnyContext context, Model& model, const RunFile& run,
                                          Phase phase);
/// The phase's settings in the run file.
const PhaseSpec& phase_spec(const RunFile& run, Phase phase);

/// What a run's network learns from the data beside its weights: what the set says, and its
/// pictures and fingerprint.
LearnedFromData learn_from(const RunFile& run, const Dataset& data);

/// Height and width that the network sees.
std::pair<int64_t, int64_t> input_size(const RunFile& run, const Dataset& data);

}  // namespace weft
