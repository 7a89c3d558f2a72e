// ResNet as a Trunk: a stem and four stages of residual blocks.
#include "models/resnet.h"

#include <cmath>
#include <optional>
#include <type_traits>

#include "models/nested_block.h"
#include "models/routed_block.h"
#include "ops/max_pool.h"

namespace weft {
namespace {

std::vector<int> stage_sizes(int depth) {
  switch (depth) {
    case 18:
      return {2, 2, 2, 2};
    case 34:
      return {3, 4, 6, 3};
    case 50:
      return {3, 4, 6, 3};
    case 101:
      return {3, 4, 23, 3};
    default:
      throw ConfigError(fmt::format(
          "model.trunk: there is no ResNet-{}; choose resnet18, resnet34, resnet50 or resnet101",
          depth));
  }
}

template <class Block>
class ResNet final : public Trunk {
 public:
  ResNet(ParameterStore& store, const std::string& prefix, const ResNetOptions& options,
         uint64_t seed)
      : options_(options),
        init_{options.deeplab ? Init::Kind::normal : Init::Kind::kaiming_normal, seed} {
    if (options.stem) {
      const int kernel = options.small_stem ? 3 : 7, stride = options.small_stem ? 1 : 2;
      const Conv2dOptions layer{.stride = stride, .padding = kernel / 2};
      stem_.emplace(Stem{
          {store, prefix + "conv1", options.in_channels, channels(64), kernel, layer, false, init_},
          {store, prefix + "bn1", channels(64), options.norm}});
    }
    const std::vector<int> sizes = stage_sizes(options.depth);
    int64_t in = channels(64), total_stride = options.small_stem ? 1 : 4;
    for (int stage = 0; stage < 4; ++stage) {
      const int begin = blocks(), end = begin + sizes[static_cast<size_t>(stage)];
      const int64_t mid = channels(64 << stage), out = bottleneck() ? 4 * mid : mid;
      const int dilation = options.deeplab && stage >= 2 ? 2 * (stage - 1) : 1;
      const int stage_stride = stage == 0 || (options.deeplab && stage >= 2) ? 1 : 2;
      for (int b = 0; b < end - begin; ++b) {
        const int stride = b == 0 ? stage_stride : 1;
        names_.push_back(fmt::format("layer{}.{}", stage + 1, b));
        blocks_.emplace_back(
            store, prefix + names_.back(),
            ResidualBlockOptions{
                .in = in,
                .mid = mid,
                .out = out,
                .bottleneck = bottleneck(),
                .stride = stride,
                .dilation = dilation,
                .stride_on_first = options.stride_on_first,
                .project = b == 0 && (stride != 1 || in != out || dilation > 1),
                .norm = options.norm,
                .functions = blocks() < options.first_routed ? 1 : options.functions},
            init_);
        in = out;
      }
      total_stride *= stage_stride;
      stages_.push_back({begin, end, out, total_stride});
    }
    out_channels_ = in;
  }

  int blocks() const override { return static_cast<int>(blocks_.size()); }
  const std::string& block_name(int l) const override { return names_[static_cast<size_t>(l)]; }
  std::vector<TrunkStage> stages() const override { return stages_; }
  int64_t out_channels() const override { return out_channels_; }
  int64_t in_channels() const override { return options_.in_channels; }

  Grid grid() const override {
    Grid grid = stem_.value().conv.grid({});
    if (!options_.small_stem) grid = grid.through(pool().kernel, pool().stride, pool().padding);
    for (const Block& block : blocks_) grid = block.grid(grid);
    return grid;
  }

  Var stem(Pass& pass, const Var& image) const override {
    const Stem& stem = stem_.value();
    const Var x = stem.norm(pass, stem.conv(pass, image), /*relu=*/true);
    return options_.small_stem ? x : max_pool(x, pool());
  }

  Var shortcut(Pass& pass, int l, const Var& x) const override {
    return blocks_[static_cast<size_t>(l)].shortcut(pass, x);
  }

  Var residual(Pass& pass, int l, const Var& x, const Var& r) const override {
    return blocks_[static_cast<size_t>(l)].residual(pass, x, r);
  }

  Var residual_at(Pass& pass, int l, const Var& x, const Var& r,
                  const std::vector<int>& levels) const override {
    if constexpr (std::is_same_v<Block, ResidualBlock>)
      return residual(pass, l, x, r);
    else
      return blocks_[static_cast<size_t>(l)].residual(pass, x, r, levels);
  }

  std::optional<Var> gated(Pass& pass, int l, const Var& x, const Var& r,
                           const std::vector<GroupGate>& gates) const override {
    if constexpr (std::is_same_v<Block, ResidualBlock>)
      return blocks_[static_cast<size_t>(l)].gated(pass, x, r, gates);
    else
      return std::nullopt;
  }

  TrunkCost cost(int64_t height, int64_t width) const override {
    TrunkCost cost;
    Shape x{1, height, width, options_.in_channels};
    cost.stem = conv_macs(stem_.value().conv, x);
    if (!options_.small_stem) x = pooled_shape("max_pool", x, pool(), SourceLoc::here());
    for (const Block& block : blocks_) {
      if constexpr (std::is_same_v<Block, NestedBlock>) cost.levels.push_back(block.levels(x));
      if constexpr (std::is_same_v<Block, RoutedBlock>) cost.functions.push_back(block.functions());
      cost.shortcut.push_back(block.shortcut_macs(x));
      cost.residual.push_back(block.residual_macs(x));
      cost.maps.push_back({x[1], x[2], x[3]});
    }
    cost.out = cost.maps.back();
    return cost;
  }

 private:
  bool bottleneck() const { return options_.depth >= 50; }
  int64_t channels(int64_t full) const {
    return std::max<int64_t>(4, std::llround(static_cast<double>(full) * options_.width));
  }
  PoolOptions pool() const {
    return {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = options_.deeplab};
  }

  ResNetOptions options_;
  Init init_;
  struct Stem {
    Conv conv;
    BatchNorm norm;
  };
  std::optional<Stem> stem_;
  std::vector<std::string> names_;
  std::vector<Block> blocks_;
  std::vector<TrunkStage> stages_;
  int64_t out_channels_ = 0;
};

}  // namespace

std::unique_ptr<Trunk> make_resnet(ParameterStore& store, const std::string& prefix,
                                   const ResNetOptions& options, uint64_t seed) {
  if (options.nested) return std::make_unique<ResNet<NestedBlock>>(store, prefix, options, seed);
  if (options.functions > 1)
    return std::make_unique<ResNet<RoutedBlock>>(store, prefix, options, seed);
  return std::make_unique<ResNet<ResidualBlock>>(store, prefix, options, seed);
}

}  // namespace weft
