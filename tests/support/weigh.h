// A Weigh of JointBackward::run_weighted (engine/joint_backward.h) by numbers on the host, one a loss.
#pragma once

#include <vector>

#include "engine/device.h"
#include "engine/joint_backward.h"

namespace weft {

inline JointBackward::Weigh weigh_by(const AnyContext& context, std::vector<double> weights) {
  return [context, weights = std::move(weights)](size_t loss, const Tensor& gradient) {
    const Tensor weighed = Tensor::empty(gradient.shape(), gradient.dtype(), memory_of(context));
    std::visit(
        [&](auto* own) {
          own->fill(weighed, 0.0);
          own->accumulate(weighed, gradient, weights.at(loss));
        },
        context);
    return weighed;
  };
}

}  // namespace weft
