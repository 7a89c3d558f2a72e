// The residual MLP: linear layers with a batch norm each.
#include "models/mlp.h"

#include "ops/pointwise.h"

namespace weft {
namespace {

/// linear without bias, then batch norm.
struct Step {
  Step(ParameterStore& store, const std::string& linear_name, const std::string& norm_name,
       int64_t in, int64_t out, uint64_t seed, const NormTasks& own)
      : linear(store, linear_name, in, out, {Init::Kind::kaiming_normal, seed}, /*bias=*/false),
        norm(store, norm_name, out, own) {}
  Var operator()(Pass& pass, const Var& x, bool relu) const {
    return norm(pass, linear(pass, x), relu);
  }
  Linear linear;
  BatchNorm norm;
};

struct MlpBlock {
  std::string name;
  Step first, second;
};

class Mlp final : public Trunk {
 public:
  Mlp(ParameterStore& store, const std::string& prefix, const MlpOptions& options, uint64_t seed)
      : options_(options),
        stem_(store, prefix + "stem.0", prefix + "stem.1", options.in, options.hidden, seed,
              options.norm) {
    const int64_t h = options.hidden;
    for (int l = 0; l < options.blocks; ++l) {
      const std::string name = fmt::format("blocks.{}", l), full = prefix + name;
      blocks_.push_back({name, Step(store, full + ".fc1", full + ".bn1", h, h, seed, options.norm),
                         Step(store, full + ".fc2", full + ".bn2", h, h, seed, options.norm)});
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

  Var stem(Pass& pass, const Var& x) const override { return stem_(pass, x, /*relu=*/true); }
  Var shortcut(Pass&, int, const Var& x) const override { return x; }
  Var residual(Pass& pass, int l, const Var& x, const Var& r) const override {
    const Var h = block(l).first(pass, x, /*relu=*/true);
    const Var y = block(l).second(pass, h, /*relu=*/false);
    const LayerScope scope(layer_of(layer_of(block(l).first.linear.weight().name)));
    return add_relu(y, r);
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
  Step stem_;
  std::vector<MlpBlock> blocks_;
};

}  // namespace

std::unique_ptr<Trunk> make_mlp(ParameterStore& store, const std::string& prefix,
                                const MlpOptions& options, uint64_t seed) {
  return std::make_unique<Mlp>(store, prefix, options, seed);
}

}  // namespace weft
