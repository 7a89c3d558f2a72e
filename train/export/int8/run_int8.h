// An int8 network emulated by weft: the integers that exported C computes. Sums of products come from
// weft's own conv2d and linear in f64, which holds all of them exactly (below 2^31), on any threads.
#pragma once

#include "engine/backend.h"
#include "train/export/int8/quantise.h"

namespace weft {

/// input [N, H, W, C], f32 on the host -> one output a task, [N, h, w, C], f32. ShapeError where the
/// input does not fit.
std::vector<Tensor> run_int8(const AnyContext& context, const Int8Network& network,
                             const Tensor& input);

}  // namespace weft
