// Trunk: what every way of sharing builds on, a stem and L residual blocks that can be gated:
//   x_0     = stem(image)
//   r_l     = shortcut_l(x_l)
//   f_l     = a(r_l + F_l(x_l))        a: ReLU, or the MLP's activation
//   x_{l+1} = f_l p_{l,0} + r_l p_{l,1}
// (docs/method.md section 2; the gate itself is models/execute's). Shapes: image [N, H, W, C].
// cost() counts MACs densely and as tap skipping leaves them, for one image of a given size.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/grid.h"
#include "models/layers.h"

namespace weft {

/// Of F_l at a level (channel_levels.h), for one image.
struct LevelCost {
  Macs macs = {};
  int64_t parameters = 0;
};

/// Of a place's function blocks (routed_block.h): how many, and the parameters of one.
struct FunctionCost {
  int count = 1;
  int64_t parameters = 0;
};

struct TrunkCost {
  Macs stem;
  std::vector<Macs> residual;  ///< F_l
  std::vector<Macs> shortcut;  ///< zero where the shortcut is the identity
  std::vector<Shape> maps;     ///< [H', W', C] that each block hands on
  Shape out;                   ///< the last of them
  /// Of nested blocks: F_l by level.
  std::vector<std::vector<LevelCost>> levels = {};
  std::vector<FunctionCost> functions = {};  ///< of routed blocks; residual is of one function

  Macs residual_at(size_t l, int level) const {
    return levels.empty() ? residual[l] : levels[l][static_cast<size_t>(level)].macs;
  }
};

/// Blocks begin .. end - 1, between which the feature map keeps its shape; features may be
/// exchanged between trunks where a stage ends.
struct TrunkStage {
  int begin, end;
  int64_t channels;
  int64_t stride;  ///< pixels of the image that one step in the map spans
};

class Trunk {
 public:
  virtual ~Trunk() = default;
  virtual int blocks() const = 0;
  /// "layer1.0"
  virtual const std::string& block_name(int l) const = 0;
  virtual std::vector<TrunkStage> stages() const = 0;
  virtual int64_t out_channels() const = 0;
  /// Where the last feature map looks.
  virtual Grid grid() const = 0;
  virtual int64_t in_channels() const = 0;
  virtual Var stem(Pass&, const Var& image) const = 0;
  virtual Var shortcut(Pass&, int l, const Var& x) const = 0;
  /// a(r + F_l(x)).
  virtual Var residual(Pass&, int l, const Var& x, const Var& r) const = 0;
  /// The same of nested blocks (nested_block.h), row j of the stack at levels[j]; of routed ones
  /// (routed_block.h) by function block levels[j]; of others, whole.
  virtual Var residual_at(Pass& pass, int l, const Var& x, const Var& r,
                          const std::vector<int>& /*levels*/) const {
    return residual(pass, l, x, r);
  }
  /// x_{l+1} where each of the groups stacked on N has a gate of its own: the block's last ops in one
  /// (ops/block_end.h). None where this trunk's blocks, or this pass, have no such end.
  virtual std::optional<Var> gated(Pass&, int /*l*/, const Var& /*x*/, const Var& /*r*/,
                                   const std::vector<GroupGate>&) const {
    return std::nullopt;
  }
  virtual TrunkCost cost(int64_t height, int64_t width) const = 0;
};

}  // namespace weft
