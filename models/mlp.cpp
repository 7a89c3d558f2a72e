// The residual MLP: linear layers, with a batch norm each where it is asked for.
#include "models/mlp.h"

#include <optional>

#include "ops/add_relu.h"

namespace weft {
namespace {

/// A linear layer with its norm.
struct Step {
  Step(ParameterStore& store, const std::string& linear_name, const std::string& norm_name,
       int64_t in, int64_t out, uint64_t seed, const MlpOptions& options)
      : linear(
            store, linear_name, in, out,
            {options.norm == Norm::none ? Init::Kind::uniform_fan_in : Init::Kind::kaiming_normal,
             seed},
            /*bias=*/options.norm == Norm::none) {
    if (options.norm == Norm::batch) norm.emplace(store, norm_name, out, options.norm_tasks);
  }
  Var operator()(Pass& pass, const Var& x) const {
    const Var y = linear(pass, x);
    return norm ? (*norm)(pass, y) : y;
  }
  /// a(N(W x)); batch norm has its ReLU in one pass.
  Var operator()(Pass& pass, const Var& x, Activation a) const {
    if (norm && a == Activation::relu) return (*norm)(pass, linear(pass, x), /*relu=*/true);
    const Var y = (*this)(pass, x);
    const LayerScope scope(layer_of(linear.weight().name));
    return activate(a, y);
  }
  Linear linear;
  std::optional<BatchNorm> norm;
};

struct MlpBlock {
  std::string name;
  Step first, second;
};

class Mlp final : public Trunk {
 public:
  Mlp(ParameterStore& store, const std::string& prefix, const MlpOptions& options, uint64_t seed)
      : options_(options) {
    if (options.stem)
      stem_.emplace(store, prefix + "stem.0", prefix + "stem.1", options.in, options.hidden, seed,
                    options);
    const int64_t h = options.hidden;
    for (int l = 0; l < options.blocks; ++l) {
      const std::string name = fmt::format("blocks.{}", l), full = prefix + name;
      blocks_.push_back({name, Step(store, full + ".fc1", full + ".bn1", h, h, seed, options),
                         Step(store, full + ".fc2", full + ".bn2", h, h, seed, options)});
    }
  }

  int blocks() const override { return options_.blocks; }
  const std::string& block_name(int l) const override { return block(l).name; }
  /// Every block is one: its map has the same shape throughout.
  std::vector<TrunkStage> stages() const override {
    std::vector<TrunkStage> stages;
    for (int l = 0; l < options_.blocks; ++l) stages.push_back({l, l + 1, options_.hidden, 1});
    return stages;
  }
  int64_t out_channels() const override { return options_.hidden; }
  int64_t in_channels() const override { return options_.in; }
  Grid grid() const override { return {}; }

  Var stem(Pass& pass, const Var& x) const override {
    return stem_.value()(pass, x, options_.activation);
  }
  Var shortcut(Pass&, int, const Var& x) const override { return x; }
  Var residual(Pass& pass, int l, const Var& x, const Var& r) const override {
    const Var y = block(l).second(pass, block(l).first(pass, x, options_.activation));
    const LayerScope scope(layer_of(layer_of(block(l).first.linear.weight().name)));
    if (options_.activation == Activation::relu) return add_relu(y, r);
    return activate(options_.activation, add(y, r));
  }

  TrunkCost cost(int64_t height, int64_t width) const override {
    const int64_t h = options_.hidden, pixels = height * width;
    TrunkCost cost;
    cost.stem = Macs{options_.in * h, options_.in * h} * pixels;
    cost.residual.assign(blocks_.size(), Macs{2 * h * h, 2 * h * h} * pixels);
    cost.shortcut.resize(blocks_.size());
    cost.maps.assign(blocks_.size(), {height, width, h});
    cost.out = {height, width, h};
    return cost;
  }

 private:
  const MlpBlock& block(int l) const { return blocks_[static_cast<size_t>(l)]; }

  MlpOptions options_;
  std::optional<Step> stem_;
  std::vector<MlpBlock> blocks_;
};

}  // namespace

std::unique_ptr<Trunk> make_mlp(ParameterStore& store, const std::string& prefix,
                                const MlpOptions& options, uint64_t seed) {
  return std::make_unique<Mlp>(store, prefix, options, seed);
}

}  // namespace weft
