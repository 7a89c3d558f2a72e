// RoutedBlock: a place of a ResNet with M function blocks (residual_block.h's F), of which each row
// of the stack takes one, and one shortcut for all of them:
//   y = ReLU(r + F_m(x)),  r = shortcut(x),  m in 1 .. M
// A function block that no row takes does not run, has no gradient and is not updated. Each has
// parameters of its own ("layer1.0.f1.conv1.weight" ...; the shortcut's are "layer1.0.downsample.0"),
// filled by their own noise, so that no two begin alike. Where M is 1 it is the undivided block, with
// its names. Shapes: x [G N, H, W, C] of G rows, pass.groups says whose they are.
#pragma once

#include <string>
#include <vector>

#include "models/residual_block.h"
#include "models/trunk.h"

namespace weft {

class RoutedBlock {
 public:
  RoutedBlock(ParameterStore& store, const std::string& name, const ResidualBlockOptions& options,
              const Init& init);

  Var shortcut(Pass& pass, const Var& x) const { return shortcut_(pass, x); }
  /// Every row takes the first function block.
  Var residual(Pass& pass, const Var& x, const Var& r) const;
  /// Row j takes function block taken[j] in 1 .. M; throws Error on another, or for another number of
  /// rows.
  Var residual(Pass& pass, const Var& x, const Var& r, const std::vector<int>& taken) const;

  Grid grid(Grid in) const { return functions_[0].grid(in); }
  /// Of one function block on x = [1, H, W, C]; x becomes the output's shape.
  Macs residual_macs(Shape& x) const { return functions_[0].residual_macs(x); }
  Macs shortcut_macs(const Shape& x) const { return shortcut_.macs(x); }
  FunctionCost functions() const;

 private:
  std::vector<ResidualBlock> functions_;
  Shortcut shortcut_;
  int64_t parameters_ = 0;  ///< of one function block
};

}  // namespace weft
