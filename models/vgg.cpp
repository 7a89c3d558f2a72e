// VGG-16: one list of layers, cut at the split into a trunk and every task's own part.
#include "models/vgg.h"

#include <cmath>
#include <optional>

#include "engine/error.h"
#include "ops/max_pool.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

/// Channels of each convolution; 0: a pool. A convolution's ReLU is a layer of its own number.
constexpr int64_t configuration[] = {64, 64,  0,   128, 128, 0,   256, 256, 256,
                                     0,  512, 512, 512, 0,   512, 512, 512, 0};
constexpr int layer_count = 31;

/// The number of the first layer that is not shared.
int split_of(const std::string& split) {
  if (split.empty()) return layer_count;
  for (int n = 1; n < layer_count; ++n)
    if (split == fmt::format("features.{}", n)) return n;
  throw ConfigError(
      fmt::format("model.split: '{}' is no layer that vgg16 can be split at; choose features.1 to "
                  "features.{}, or leave it out to share all",
                  split, layer_count - 1));
}

int64_t channels_of(const VggOptions& options, int64_t full) {
  return std::max<int64_t>(4, std::llround(static_cast<double>(full) * options.width));
}

/// Layers begin .. end - 1 of `features`.
class Layers {
 public:
  Layers(ParameterStore& store, const std::string& prefix, const VggOptions& options, int begin,
         int end, uint64_t seed)
      : out_(options.in_channels) {
    const auto inside = [&](int n) { return n >= begin && n < end; };
    int n = 0;
    for (int64_t full : configuration) {
      if (full == 0) {
        if (inside(n)) layers_.push_back({Kind::pool, {}});
        ++n;
        continue;
      }
      const int64_t in = out_;
      if (n < end) out_ = channels_of(options, full);
      if (inside(n))
        layers_.push_back(
            {Kind::conv, Conv(store, fmt::format("{}features.{}", prefix, n), in, out_, 3,
                              {.padding = 1}, /*bias=*/true, {Init::Kind::kaiming_normal, seed})});
      if (inside(n + 1)) layers_.push_back({Kind::relu, {}});
      n += 2;
    }
  }

  Var operator()(Pass& pass, Var x) const {
    for (const Layer& layer : layers_) {
      if (layer.kind == Kind::conv) x = (*layer.conv)(pass, x);
      if (layer.kind == Kind::relu) x = relu(x);
      if (layer.kind == Kind::pool) x = max_pool(x, {});
    }
    return x;
  }

  /// MACs for one image x = [1, H, W, C]; x becomes the output's shape.
  Macs cost(Shape& x) const {
    Macs macs;
    for (const Layer& layer : layers_) {
      if (layer.kind == Kind::conv) macs += conv_macs(*layer.conv, x);
      if (layer.kind == Kind::pool) x = pooled_shape("max_pool", x, {}, SourceLoc::here());
    }
    return macs;
  }

  int64_t out_channels() const { return out_; }

  Grid grid(Grid in) const {
    const PoolOptions pool;
    for (const Layer& layer : layers_) {
      if (layer.kind == Kind::conv) in = layer.conv->grid(in);
      if (layer.kind == Kind::pool) in = in.through(pool.kernel, pool.stride, pool.padding);
    }
    return in;
  }

 private:
  enum class Kind { conv, relu, pool };
  struct Layer {
    Kind kind;
    std::optional<Conv> conv;
  };
  std::vector<Layer> layers_;
  int64_t out_;
};

class Vgg16 final : public Trunk {
 public:
  Vgg16(ParameterStore& store, const std::string& prefix, const VggOptions& options, uint64_t seed)
      : in_(options.in_channels),
        shared_(store, prefix, options, 0, split_of(options.split), seed) {}

  int blocks() const override { return 0; }
  const std::string& block_name(int) const override { return none(); }
  std::vector<TrunkStage> stages() const override { return {}; }
  int64_t out_channels() const override { return shared_.out_channels(); }
  int64_t in_channels() const override { return in_; }
  Grid grid() const override { return shared_.grid({}); }
  Var stem(Pass& pass, const Var& image) const override { return shared_(pass, image); }
  Var shortcut(Pass&, int, const Var&) const override { return none(), Var(); }
  Var residual(Pass&, int, const Var&, const Var&) const override { return none(), Var(); }

  TrunkCost cost(int64_t height, int64_t width) const override {
    Shape x{1, height, width, in_};
    TrunkCost cost;
    cost.stem = shared_.cost(x);
    cost.out = {x[1], x[2], x[3]};
    return cost;
  }

 private:
  [[noreturn]] static const std::string& none() {
    throw Error("vgg16 has no residual block to ask about");
  }

  int64_t in_;
  Layers shared_;
};

class Vgg16Head final : public Head {
 public:
  Vgg16Head(ParameterStore& store, const std::string& name, const VggOptions& options, int64_t out,
            const HeadOptions& head, uint64_t seed)
      : own_(store, fmt::format("heads.{}.", name), options, split_of(options.split), layer_count,
             seed),
        head_(make_head(store, name, own_.out_channels(), out, head, seed)) {}

  Var operator()(Pass& pass, const Var& features) const override {
    return (*head_)(pass, own_(pass, features));
  }

  Grid grid(const Grid& features) const override { return head_->grid(own_.grid(features)); }

  Macs cost(const Shape& features) const override {
    Shape x{1, features[0], features[1], features[2]};
    Macs macs = own_.cost(x);
    macs += head_->cost({x[1], x[2], x[3]});
    return macs;
  }

 private:
  Layers own_;
  std::unique_ptr<Head> head_;
};

}  // namespace

std::unique_ptr<Trunk> make_vgg16(ParameterStore& store, const std::string& prefix,
                                  const VggOptions& options, uint64_t seed) {
  return std::make_unique<Vgg16>(store, prefix, options, seed);
}

std::unique_ptr<Head> make_vgg16_head(ParameterStore& store, const std::string& name,
                                      const VggOptions& options, int64_t out,
                                      const HeadOptions& head, uint64_t seed) {
  return std::make_unique<Vgg16Head>(store, name, options, out, head, seed);
}

}  // namespace weft
