// ResNet as a Trunk: one Block struct covers basic and bottleneck, since both are a chain of
// conv-BN pairs with ReLU between them.
#include "models/resnet.h"

#include <cmath>
#include <optional>

#include "ops/max_pool.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

struct Block {
  std::string name;
  std::vector<Conv> convs;
  std::vector<BatchNorm> norms;
  std::optional<Conv> down_conv;
  std::optional<BatchNorm> down_norm;
};

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

class ResNet final : public Trunk {
 public:
  ResNet(ParameterStore& store, const std::string& prefix, const ResNetOptions& options,
         uint64_t seed)
      : options_(options),
        init_{options.deeplab ? Init::Kind::normal : Init::Kind::kaiming_normal, seed},
        stem_conv_(store, prefix + "conv1", options.in_channels, channels(64), 7,
                   {.stride = 2, .padding = 3}, false, init_),
        stem_norm_(store, prefix + "bn1", channels(64), options.norm) {
    const std::vector<int> sizes = stage_sizes(options.depth);
    int64_t in = channels(64);
    for (int stage = 0; stage < 4; ++stage) {
      starts_.push_back(static_cast<int>(blocks_.size()));
      const int64_t mid = channels(64 << stage), out = bottleneck() ? 4 * mid : mid;
      const int dilation = options.deeplab && stage >= 2 ? 2 * (stage - 1) : 1;
      const int stage_stride = stage == 0 || (options.deeplab && stage >= 2) ? 1 : 2;
      for (int b = 0; b < sizes[static_cast<size_t>(stage)]; ++b) {
        const int stride = b == 0 ? stage_stride : 1;
        Block block;
        block.name = fmt::format("layer{}.{}", stage + 1, b);
        add_convs(store, prefix, block, in, mid, out, stride, dilation);
        if (b == 0 && (stride != 1 || in != out || dilation > 1)) {
          block.down_conv.emplace(store, prefix + block.name + ".downsample.0", in, out, 1,
                                  Conv2dOptions{.stride = stride}, false, init_);
          block.down_norm.emplace(store, prefix + block.name + ".downsample.1", out, options.norm);
        }
        blocks_.push_back(std::move(block));
        in = out;
      }
    }
    out_channels_ = in;
  }

  int blocks() const override { return static_cast<int>(blocks_.size()); }
  std::string block_name(int l) const override { return block(l).name; }
  std::vector<int> stage_starts() const override { return starts_; }
  int64_t out_channels() const override { return out_channels_; }
  int64_t in_channels() const override { return options_.in_channels; }

  Var stem(Pass& pass, const Var& image) const override {
    const Var x = stem_norm_(pass, stem_conv_(pass, image), /*relu=*/true);
    return max_pool(pass.tape, x, pool());
  }

  Var shortcut(Pass& pass, int l, const Var& x) const override {
    const Block& b = block(l);
    return b.down_conv ? (*b.down_norm)(pass, (*b.down_conv)(pass, x)) : x;
  }

  Var residual(Pass& pass, int l, const Var& x, const Var& r) const override {
    const Block& b = block(l);
    Var h = x;
    for (size_t i = 0; i < b.convs.size(); ++i)
      h = b.norms[i](pass, b.convs[i](pass, h), /*relu=*/i + 1 < b.convs.size());
    return add_relu(pass.tape, h, r);
  }

  TrunkCost cost(int64_t height, int64_t width) const override {
    TrunkCost cost;
    Shape x{1, height, width, options_.in_channels};
    cost.stem = conv_macs(stem_conv_, x);
    x = pooled_shape("max_pool", x, pool(), SourceLoc::here());
    for (const Block& b : blocks_) {
      Shape h = x;
      Macs residual, shortcut;
      for (const Conv& conv : b.convs) residual += conv_macs(conv, h);
      if (b.down_conv) shortcut = conv_macs(*b.down_conv, x);
      cost.residual.push_back(residual);
      cost.shortcut.push_back(shortcut);
      x = h;
    }
    cost.out = {x[1], x[2], x[3]};
    return cost;
  }

 private:
  bool bottleneck() const { return options_.depth >= 50; }
  int64_t channels(int64_t full) const {
    return std::max<int64_t>(4, std::llround(static_cast<double>(full) * options_.width));
  }
  const Block& block(int l) const { return blocks_[static_cast<size_t>(l)]; }
  PoolOptions pool() const {
    return {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = options_.deeplab};
  }

  void add_convs(ParameterStore& store, const std::string& prefix, Block& block, int64_t in,
                 int64_t mid, int64_t out, int stride, int dilation) {
    const auto add = [&](int64_t from, int64_t to, int64_t kernel, Conv2dOptions options) {
      const std::string index = std::to_string(block.convs.size() + 1);
      block.convs.emplace_back(store, prefix + block.name + ".conv" + index, from, to, kernel,
                               options, false, init_);
      block.norms.emplace_back(store, prefix + block.name + ".bn" + index, to, options_.norm);
    };
    const Conv2dOptions spread{.stride = 1, .padding = dilation, .dilation = dilation};
    Conv2dOptions strided = spread;
    strided.stride = stride;
    if (!bottleneck()) {
      add(in, mid, 3, strided);
      add(mid, out, 3, spread);
      return;
    }
    const bool first = options_.stride_on_first;
    add(in, mid, 1, {.stride = first ? stride : 1});
    add(mid, mid, 3, first ? spread : strided);
    add(mid, out, 1, {});
  }

  ResNetOptions options_;
  Init init_;
  Conv stem_conv_;
  BatchNorm stem_norm_;
  std::vector<Block> blocks_;
  std::vector<int> starts_;
  int64_t out_channels_ = 0;
};

}  // namespace

std::unique_ptr<Trunk> make_resnet(ParameterStore& store, const std::string& prefix,
                                   const ResNetOptions& options, uint64_t seed) {
  return std::make_unique<ResNet>(store, prefix, options, seed);
}

}  // namespace weft
