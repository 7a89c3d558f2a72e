// VD-CNN as a Trunk: characters to vectors, and four stages of residual blocks along the text.
#include "models/vdcnn.h"

#include <cmath>
#include <optional>

#include "ops/add_relu.h"
#include "ops/cast.h"
#include "ops/gather.h"
#include "ops/max_pool.h"
#include "ops/pointwise.h"
#include "ops/reshape.h"
#include "ops/top_k.h"

namespace weft {
namespace {

constexpr Extent2 three{1, 3};
constexpr PoolOptions halving{.kernel = 3, .stride = 2, .padding = 1};

std::array<int, 4> stage_sizes(int depth) {
  switch (depth) {
    case 9:
      return {1, 1, 1, 1};
    case 17:
      return {2, 2, 2, 2};
    case 29:
      return {5, 5, 2, 2};
    default:
      throw ConfigError(fmt::format(
          "model.trunk: there is no VD-CNN of depth {}; choose vdcnn9, vdcnn17 or vdcnn29", depth));
  }
}

/// The ids that x [N, 1, L, 1] holds as numbers, i32 [N, 1, L]: images are of the type in which the
/// network computes, gather wants whole numbers. Of `all` ids v the one where -|x - v| is largest is
/// found where the network runs, so that a step that a GPU replays finds its own batch's.
Tensor ids_of(const Var& x, const Tensor& all) {
  Tape& tape = x.tape();
  const Var values = tape.constant(converted(tape.context(), all, x.dtype()));
  Tensor ids;
  max_over(neg(abs(sub(x, values))), -1, &ids);
  return ids.reshaped({x.shape()[0], 1, x.shape()[2]});
}

struct Block {
  Block(ParameterStore& store, const std::string& name, int64_t in, int64_t out, bool begins_stage,
        const NormTasks& norm, const Init& init)
      : conv1(store, name + ".conv1", in, out, three, {.padding = {0, 1}}, false, init),
        conv2(store, name + ".conv2", out, out, three, {.padding = {0, 1}}, false, init),
        norm1(store, name + ".bn1", out, norm),
        norm2(store, name + ".bn2", out, norm) {
    if (!begins_stage) return;
    down_conv.emplace(store, name + ".downsample.0", in, out, 1, Conv2dOptions{.stride = {1, 2}},
                      false, init);
    down_norm.emplace(store, name + ".downsample.1", out, norm);
  }
  Conv conv1, conv2;
  BatchNorm norm1, norm2;
  std::optional<Conv> down_conv;
  std::optional<BatchNorm> down_norm;
};

class Vdcnn final : public Trunk {
 public:
  Vdcnn(ParameterStore& store, const std::string& prefix, const VdcnnOptions& options,
        uint64_t seed)
      : options_(options),
        ids_(to_device(store.context(), Tensor::arange(options.characters, store.dtype()))),
        table_(&store.add(prefix + "embedding.weight", {options.characters, options.embedding})),
        stem_conv_(store, prefix + "stem.0", options.embedding, channels(0), three,
                   {.padding = {0, 1}}, false, {Init::Kind::kaiming_normal, seed}),
        stem_norm_(store, prefix + "stem.1", channels(0), options.norm) {
    init::normal(store.context(), *table_, seed, 1.0);
    const std::array<int, 4> sizes = stage_sizes(options.depth);
    int64_t in = channels(0);
    for (int stage = 0; stage < 4; ++stage) {
      const int begin = blocks(), size = sizes[static_cast<size_t>(stage)];
      for (int b = 0; b < size; ++b) {
        names_.push_back(fmt::format("layer{}.{}", stage + 1, b));
        blocks_.emplace_back(store, prefix + names_.back(), in, channels(stage),
                             /*begins_stage=*/stage > 0 && b == 0, options.norm,
                             Init{Init::Kind::kaiming_normal, seed});
        in = channels(stage);
      }
      stages_.push_back({begin, blocks(), in, int64_t{1} << stage});
    }
  }

  int blocks() const override { return static_cast<int>(blocks_.size()); }
  const std::string& block_name(int l) const override { return names_[static_cast<size_t>(l)]; }
  std::vector<TrunkStage> stages() const override { return stages_; }
  int64_t out_channels() const override { return channels(3); }
  int64_t in_channels() const override { return 1; }
  Grid grid() const override { return {0, 8}; }

  Var stem(Pass& pass, const Var& image) const override {
    return stem_norm_(pass, stem_conv_(pass, embedded(pass, image)), /*relu=*/true);
  }
  Var shortcut(Pass& pass, int l, const Var& x) const override {
    const Block& b = block(l);
    return b.down_conv ? (*b.down_norm)(pass, (*b.down_conv)(pass, x)) : x;
  }
  Var residual(Pass& pass, int l, const Var& x, const Var& r) const override {
    const Block& b = block(l);
    const Var y = b.norm2(pass, convolved(pass, b, x));
    const LayerScope scope(layer_of(layer_of(b.conv1.weight().name)));
    return add_relu(y, r);
  }
  std::optional<Var> gated(Pass& pass, int l, const Var& x, const Var& r,
                           const std::vector<GroupGate>& gates) const override {
    const Block& b = block(l);
    if (!b.norm2.ends(pass)) return std::nullopt;
    return b.norm2.end(pass, convolved(pass, b, x), r, gates);
  }

  TrunkCost cost(int64_t height, int64_t width) const override {
    TrunkCost cost;
    Shape x{1, height, width, options_.embedding};
    cost.stem = conv_macs(stem_conv_, x);
    for (const Block& b : blocks_) {
      Shape skip = x;
      cost.shortcut.push_back(b.down_conv ? conv_macs(*b.down_conv, skip) : Macs{});
      if (b.down_conv) x = pooled_shape("max_pool", x, halving, SourceLoc::here());
      cost.residual.push_back(conv_macs(b.conv1, x));
      cost.residual.back() += conv_macs(b.conv2, x);
      cost.maps.push_back({x[1], x[2], x[3]});
    }
    cost.out = cost.maps.back();
    return cost;
  }

 private:
  /// F_l(x) before its last norm.
  Var convolved(Pass& pass, const Block& b, const Var& x) const {
    const Var h = b.norm1(pass, b.conv1(pass, pooled(b, x)), /*relu=*/true);
    const Var y = b.conv2(pass, h);
    pass.tape.recompute(h);
    return y;
  }
  const Block& block(int l) const { return blocks_[static_cast<size_t>(l)]; }
  Var embedded(Pass& pass, const Var& image) const {
    const LayerScope scope(layer_of(table_->name));
    return cast(embedding(pass.use(*table_), ids_of(image, ids_)), image.dtype());
  }
  static Var pooled(const Block& b, const Var& x) {
    if (!b.down_conv) return x;
    const LayerScope scope(layer_of(layer_of(b.conv1.weight().name)));
    return max_pool(x, halving);
  }
  int64_t channels(int stage) const {
    const auto full = static_cast<double>(64 << stage);
    return std::max<int64_t>(4, std::llround(full * options_.width));
  }

  VdcnnOptions options_;
  Tensor ids_;  ///< 0 .. V - 1, where the network runs
  Parameter* table_;
  Conv stem_conv_;
  BatchNorm stem_norm_;
  std::vector<std::string> names_;
  std::vector<Block> blocks_;
  std::vector<TrunkStage> stages_;
};

}  // namespace

std::unique_ptr<Trunk> make_vdcnn(ParameterStore& store, const std::string& prefix,
                                  const VdcnnOptions& options, uint64_t seed) {
  return std::make_unique<Vdcnn>(store, prefix, options, seed);
}

}  // namespace weft
