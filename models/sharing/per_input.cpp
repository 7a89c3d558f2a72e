// PerInput: phases, decisions and forward passes.
#include "models/sharing/per_input.h"

#include <algorithm>
#include <cmath>

#include "ops/pointwise.h"

namespace weft {
namespace {

constexpr const char* noise_name = "sharing.policy";

/// f(policy, image, block, place in chances) for each.
template <class F>
Decisions decide(size_t policies, int64_t images, int64_t blocks, F&& f) {
  Decisions out(policies);
  for (size_t v = 0; v < policies; ++v)
    for (int64_t n = 0; n < images; ++n) {
      auto& row = out[v].emplace_back();
      for (int64_t l = 0; l < blocks; ++l) {
        const int64_t place =
            (n * static_cast<int64_t>(policies) + static_cast<int64_t>(v)) * blocks + l;
        row.push_back(f(l, static_cast<size_t>(place)) ? 1 : 0);
      }
    }
  return out;
}

}  // namespace

double Executed::mean() const { return images == 0 ? 0 : sum / static_cast<double>(images); }

double Executed::spread() const {
  if (images == 0) return 0;
  return std::sqrt(std::max(0.0, squares / static_cast<double>(images) - mean() * mean()));
}

PerInputPhase PerInput::phase_at(uint32_t step) const {
  const int64_t at = step, full = options_.share.full_steps;
  if (at < full) return PerInputPhase::full;
  return at < full + options_.share.policy_steps ? PerInputPhase::policy : PerInputPhase::joint;
}

int PerInput::active_at(uint32_t step) const {
  const int64_t at = int64_t{step} - options_.share.full_steps, every = options_.share.unlock_steps;
  const int blocks = trunk_->blocks();
  if (at < 0) return 0;
  return every == 0 ? blocks : static_cast<int>(std::min<int64_t>(at / every + 1, blocks));
}

size_t PerInput::policies() const {
  return options_.share.decisions == PolicyOf::task ? options_.tasks.size() : 1;
}

Var PerInput::probabilities(Pass& pass, const Var& images) const {
  const double bound = options_.share.bound;
  return shift(scale(sigmoid((*network_)(pass, images)), 2 * bound - 1), 1 - bound);
}

Decisions PerInput::draw(const Tensor& chances, const Noise& noise, int active) const {
  const int64_t blocks = trunk_->blocks();
  const Philox words(noise.seed, Stream::policy, noise.step, noise_name);
  const std::vector<double> p = chances.to_vector();
  return decide(policies(), chances.shape()[0], blocks, [&](int64_t l, size_t at) {
    return l < blocks - active || words.uniform(at) < p[at];
  });
}

Decisions PerInput::likely(const Tensor& chances, int active) const {
  const int64_t blocks = trunk_->blocks();
  const std::vector<double> p = chances.to_vector();
  return decide(policies(), chances.shape()[0], blocks,
                [&](int64_t l, size_t at) { return l < blocks - active || p[at] >= 0.5; });
}

std::vector<std::vector<Var>> PerInput::run(Pass& pass, const Var& images,
                                            const std::vector<Decisions>& decisions) const {
  Decisions all;
  for (const Decisions& d : decisions) all.insert(all.end(), d.begin(), d.end());
  const RowPlan plan = plan_rows(all);
  const Var x = run_rows(pass, *trunk_, plan, images);
  std::vector<std::vector<Var>> out;
  for (size_t i = 0; i < decisions.size(); ++i)
    out.push_back(run_heads(
        pass, [&](size_t k) { return take_rows(x, plan.out[i * policies() + policy_of(k)]); }));
  if (!pass.training && decisions.size() == 1) count_executed(plan, images.shape());
  return out;
}

std::vector<Var> PerInput::forward(Pass& pass, const Var& images, const PolicySample*) const {
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
    return run(pass, images, {likely(chances, trunk_->blocks())})[0];
  }
  // While the policy learns alone, the network is as it will be used.
  pass.training = phase == PerInputPhase::joint;
  const auto out = run(pass, images, {draw(chances, pass.noise, active_at(pass.noise.step))})[0];
  pass.training = true;
  return out;
}

ModelCost PerInput::cost(int64_t height, int64_t width, const Gates*) const {
  const TrunkCost trunk = trunk_->cost(height, width);
  ModelCost cost = count(trunk);
  cost.trunk = make_plan(all_selected(1, trunk_->blocks())).macs(trunk);
  cost.sharing = network_->cost(height, width);
  return cost;
}

void PerInput::count_executed(const RowPlan& plan, const Shape& images) const {
  const double look = static_cast<double>(network_->cost(images[1], images[2]).dense);
  for (const Macs& macs : plan.macs(trunk_->cost(images[1], images[2]))) {
    const double all = look + static_cast<double>(macs.dense);
    ++executed_.images;
    executed_.sum += all;
    executed_.squares += all * all;
  }
}

PerInput* per_input(Model& model) { return dynamic_cast<PerInput*>(&model); }

bool learns_as_tested(Model& model, int64_t steps) {
  const PerInput* own = per_input(model);
  return own == nullptr || own->phase_at(static_cast<uint32_t>(steps - 1)) == PerInputPhase::joint;
}

}  // namespace weft
