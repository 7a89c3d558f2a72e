// InputRouting: draws, forward passes, and what the router's own terms are of.
#include "models/sharing/input_routing.h"

#include <algorithm>
#include <cmath>

#include "engine/device_tensor.h"
#include "models/sharing/parting_rows.h"
#include "models/sharing/routed.h"
#include "models/sharing/way.h"
#include "ops/cast.h"
#include "ops/concat.h"
#include "ops/gumbel_softmax.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/softmax.h"

namespace weft {
namespace {

constexpr const char* noise_name = "sharing.policy";

}  // namespace

InputRouting::InputRouting(AnyContext context, DType dtype, const ModelOptions& options)
    : PerInput(context, dtype, options) {
  trunk_ = make_trunk(store_, "", routed(options.trunk, options, 0), options.seed);
  make_heads(*trunk_);
  make_network(functions(), 0);
  // Of the policy's part: no optimizer moves it, and it is none of the network's parameters.
  const ParameterStore::Making making(store_, Part::policy);
  shares_ = &store_.add("policy.routing.shares", {trunk_->blocks(), functions()});
  init::constant(context, *shares_, 1 / static_cast<double>(functions()));
}

Var InputRouting::logits(Pass& pass, const Var& images) const {
  const int64_t places = static_cast<int64_t>(policies()) * trunk_->blocks();
  return reshape((*network_)(pass, images), {images.shape()[0], places, functions()});
}

Decisions InputRouting::draw(const Tensor& logits, const Noise& noise) const {
  return likely(gumbel_sample(logits, 1, /*hard=*/true, noise, noise_name));
}

Decisions InputRouting::likely(const Tensor& logits) const {
  const std::vector<double> z = logits.to_vector();
  const int64_t images =
      logits.numel() / (static_cast<int64_t>(policies()) * trunk_->blocks() * functions());
  return decide(policies(), images, trunk_->blocks(), [&](int64_t, size_t at) {
    const auto row = z.begin() + static_cast<std::ptrdiff_t>(at) * functions();
    return 1 + (std::max_element(row, row + functions()) - row);
  });
}

std::vector<double> InputRouting::mean_chances(const Tensor& logits) const {
  const auto m = static_cast<size_t>(functions()), blocks = static_cast<size_t>(trunk_->blocks());
  const std::vector<double> z = logits.to_vector();
  const size_t rows = z.size() / m;
  std::vector<double> mean(blocks * m);
  for (size_t row = 0; row < rows; ++row) {
    const double top = *std::max_element(&z[row * m], &z[row * m] + m);
    double total = 0;
    for (size_t i = 0; i < m; ++i) total += std::exp(z[row * m + i] - top);
    for (size_t i = 0; i < m; ++i)
      mean[row % blocks * m + i] += std::exp(z[row * m + i] - top) / total /
                                    (static_cast<double>(rows) / static_cast<double>(blocks));
  }
  return mean;
}

void InputRouting::stepped() {
  if (!looked_) return;
  std::vector<double> kept = to_host(store_.context(), shares_->value).to_vector();
  const std::vector<double> now = mean_chances(*looked_);
  const double memory = options_.share.baseline;
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = memory * kept[i] + (1 - memory) * now[i];
  copy_to(store_.context(), shares_->value,
          Tensor::from(shares_->value.shape(), kept, shares_->value.dtype()));
  looked_.reset();
}

std::optional<Var> InputRouting::bonus(const Var& logits) const {
  const double images = static_cast<double>(logits.shape()[0]);
  const auto policies_count = static_cast<int64_t>(policies());
  const Shape by_policy{logits.shape()[0] * policies_count, trunk_->blocks(), functions()};
  std::optional<Var> total;
  if (const double weight = options_.share.collaboration; weight > 0) {
    const Var pi = reshape(softmax(logits), by_policy);
    const Var met = sum(mul(pi, logits.tape().constant(shares_->value)));
    const double each = weight / (images * static_cast<double>(trunk_->blocks()));
    total = shift(scale(met, -each), weight * static_cast<double>(policies_count));
  }
  if (const double weight = options_.share.entropy; weight > 0) {
    const Var sure = scale(sum(mul(softmax(logits), log_softmax(logits))), weight / images);
    total = total ? add(*total, sure) : sure;
  }
  return total;
}

/// Heads' outputs of a training pass in which every function block runs on every row.
std::vector<Var> InputRouting::mixed(Pass& pass, const Var& images) const {
  const auto count = static_cast<int64_t>(policies());
  const int64_t n = images.shape()[0], blocks = trunk_->blocks();
  const Var z = logits(pass, images);
  looked_ = to_host(pass.tape.context(), z.value());
  const Var u =
      reshape(gumbel_softmax(z, options_.share.temperature, /*hard=*/true, pass.noise, noise_name),
              {n, count, blocks, functions()});
  const Var x =
      run_parting(pass, *trunk_, images, static_cast<int>(count), [&](int l, const Var& into) {
        const Var r = trunk_->shortcut(pass, l, into);
        const auto rows_of = [&](const Var& stack, int64_t v) {  // policies part at the first block
          return l == 0 || count == 1 ? stack : slice(stack, 0, v * n, n);
        };
        std::vector<Var> next(static_cast<size_t>(count));
        for (int m = 1; m <= functions(); ++m) {
          const Var f =
              trunk_->residual_at(pass, l, into, r, std::vector<int>(pass.groups.size(), m));
          const LayerScope scope(trunk_->block_name(l));
          for (int64_t v = 0; v < count; ++v) {
            const Var of_place = slice(slice(u, 1, v, 1), 2, l, 1);
            const Var weight = reshape(slice(of_place, 3, m - 1, 1), {n, 1, 1, 1});
            const Var term = mul(rows_of(f, v), cast(weight, f.dtype()));
            Var& y = next[static_cast<size_t>(v)];
            y = m == 1 ? term : add(y, term);
          }
        }
        return count == 1 ? next[0] : concat(next, 0);
      });
  return run_heads(
      pass, [&](size_t k) { return slice(x, 0, static_cast<int64_t>(policy_of(k)) * n, n); });
}

std::vector<Var> InputRouting::forward(Pass& pass, const Var& images, const PolicySample*) const {
  if (!pass.training) return evaluate(pass, images, likely(sound_logits(pass, images)));
  const PerInputPhase phase = phase_at(pass.noise.step);
  looked_.reset();
  // While the router learns alone, the network is as it will be used.
  pass.training = phase != PerInputPhase::policy;
  std::vector<Var> out;
  if (phase != PerInputPhase::full && estimator() == Estimator::gumbel) {
    out = mixed(pass, images);
  } else {
    const Tensor flat = host_logits(pass, images);
    const Tensor z = flat.reshaped({flat.numel() / functions(), functions()});
    out = run(pass, images, {draw(z, pass.noise)})[0];
    if (phase != PerInputPhase::full) looked_ = z;
  }
  pass.training = true;
  return out;
}

ModelCost InputRouting::cost(int64_t height, int64_t width, const Gates* gates) const {
  ModelCost cost = PerInput::cost(height, width, gates);
  for (const auto& [functions, parameters] : trunk_->cost(height, width).functions)
    cost.one_trunk_parameters -= (functions - 1) * parameters;
  return cost;
}

InputRouting* input_routing(Model& model) { return dynamic_cast<InputRouting*>(&model); }

WayOfSharing input_routing_way() {
  return {.make = make_way<InputRouting>,
          .trunks = {.shared = 1},
          .functions = true,
          .per_input = true,
          .phased = true,
          .keys = {"estimator", "baseline", "functions", "decisions", "policy_width", "temperature",
                   "full_steps", "policy_steps", "entropy", "collaboration"}};
}

}  // namespace weft
