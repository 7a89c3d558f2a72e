// BlockDrop: phases, decisions and forward passes.
#include "models/sharing/blockdrop.h"

#include <algorithm>
#include <cmath>

#include "models/sharing/way.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

constexpr const char* noise_name = "sharing.policy";

/// sigmoid(2) = 0.88: until it is learned, evaluation executes every block.
constexpr double first_logit = 2;

}  // namespace

BlockDrop::BlockDrop(AnyContext context, DType dtype, const ModelOptions& options)
    : PerInput(context, dtype, options) {
  trunk_ = make_trunk(store_, "", options.trunk, options.seed);
  make_heads(*trunk_);
  make_network(1, first_logit);
}

int BlockDrop::active_at(uint32_t step) const {
  const int64_t at = int64_t{step} - options_.share.full_steps, every = options_.share.unlock_steps;
  const int blocks = trunk_->blocks();
  if (at < 0) return 0;
  return every == 0 ? blocks : static_cast<int>(std::min<int64_t>(at / every + 1, blocks));
}

Var BlockDrop::probabilities(Pass& pass, const Var& images) const {
  const double bound = options_.share.bound;
  return shift(scale(sigmoid((*network_)(pass, images)), 2 * bound - 1), 1 - bound);
}

Decisions BlockDrop::draw(const Tensor& chances, const Noise& noise, int active) const {
  const int64_t blocks = trunk_->blocks();
  const Philox words(noise.seed, Stream::policy, noise.step, noise_name);
  const std::vector<double> p = chances.to_vector();
  return decide(policies(), chances.shape()[0], blocks, [&](int64_t l, size_t at) {
    return l < blocks - active || words.uniform(at) < p[at];
  });
}

Decisions BlockDrop::likely(const Tensor& chances, int active) const {
  const int64_t blocks = trunk_->blocks();
  const std::vector<double> p = chances.to_vector();
  return decide(policies(), chances.shape()[0], blocks,
                [&](int64_t l, size_t at) { return l < blocks - active || p[at] >= 0.5; });
}

std::vector<Var> BlockDrop::forward(Pass& pass, const Var& images, const PolicySample*) const {
  const PerInputPhase phase = phase_at(pass.noise.step);
  const int64_t n = images.shape()[0];
  if (pass.training && phase == PerInputPhase::full) {
    const auto every = [](int64_t, size_t) { return true; };
    return run(pass, images, {decide(policies(), n, trunk_->blocks(), every)})[0];
  }
  // Decisions carry no gradient, so the policy network is not recorded here.
  Tape quiet(pass.tape.context(), Tape::Mode::no_grad);
  Pass look{quiet, pass.training, pass.noise};
  const Tensor chances =
      to_host(quiet.context(), probabilities(look, quiet.constant(images.value())).value());
  if (!pass.training) {
    // No number is at least 1/2 or not: such an image would skip every block without a word.
    for (const double p : chances.to_vector())
      if (!std::isfinite(p))
        throw NumericError(
            "sharing.policy: the chance to execute a block is no number; the policy network's "
            "weights or the image hold NaN or infinity");
    return evaluate(pass, images, likely(chances, trunk_->blocks()));
  }
  // While the policy learns alone, the network is as it will be used.
  pass.training = phase == PerInputPhase::joint;
  const auto out = run(pass, images, {draw(chances, pass.noise, active_at(pass.noise.step))})[0];
  pass.training = true;
  return out;
}

BlockDrop* blockdrop(Model& model) { return dynamic_cast<BlockDrop*>(&model); }

WayOfSharing blockdrop_way() {
  return {.make = make_way<BlockDrop>,
          .trunks = {.shared = 1},
          .per_input = true,
          .phased = true,
          .keys = {"decisions", "policy_width", "full_steps", "policy_steps", "unlock_steps",
                   "bound", "penalty", "slack", "entropy"}};
}

}  // namespace weft
