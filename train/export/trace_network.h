// From a model to its exported network, by recording one evaluation pass (engine/trace.h) and
// translating op for op: no model is described twice. Groups that a plan stacks on N come apart
// again, row for row, so that slices and stacks along N vanish, and blocks that nobody selects were
// never there. A node that is there already (same kind, inputs, weights) is not made again.
#pragma once

#include <functional>

#include "models/layers.h"
#include "train/export/network.h"

namespace weft {

/// One output a task, [1, h, w, C] each, of image [1, H, W, C].
using ForwardPass = std::function<std::vector<Var>(Pass& pass, const Var& image)>;

/// `input`: [H, W, C]. The weights are as the model has them: folding and rounding come after.
/// ConfigError "layer (op): ..." where the pass does what no node can say.
ExportedNetwork trace_network(const AnyContext& context, DType dtype, const Shape& input,
                              const std::vector<std::string>& tasks, const ForwardPass& forward);

/// trace_network, then batch norm folded into what precedes it (fold.h), weights rounded to f32, of
/// the `chosen` tasks alone (empty: all), and the whole held against `forward` on an input of noise:
/// Error where they differ or are no numbers.
ExportedNetwork export_network(const AnyContext& context, DType dtype, const Shape& input,
                               const std::vector<std::string>& tasks, const ForwardPass& forward,
                               const std::vector<std::string>& chosen = {});

}  // namespace weft
