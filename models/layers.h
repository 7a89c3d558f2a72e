// Layers: parameters of the store plus how to call the op on them, in a LayerScope, so that errors
// name the layer. A Pass carries what one forward pass needs beside its inputs: the tape, the mode,
// the noise key and the groups stacked on N.
//   Conv: [N, H, W, C] -> [N, H', W', K]    BatchNorm: any [.., C]    Linear: [N, I] -> [N, O]
#pragma once

#include <string>
#include <vector>

#include "engine/philox.h"
#include "models/grid.h"
#include "models/init.h"
#include "models/parameter_store.h"
#include "ops/block_end.h"
#include "ops/conv2d.h"
#include "ops/reach.h"

namespace weft {

/// Tasks whose value is the same, for every group stacked on N, in stacking order.
using Groups = std::vector<std::vector<int>>;

struct Pass {
  Tape& tape;
  bool training = true;
  Noise noise;            ///< seed and step of this pass's dropout and Gumbel words
  bool track = true;      ///< training: batch norm's running statistics follow
  Groups groups = {{0}};  ///< who shares what at this point; batch norm keeps them apart
  Reach reach = nullptr;  ///< where several tasks are stacked: whose losses came back (ops/reach.h)
  bool norm_over_ranks = true;  ///< training: batch norm's moments are of all ranks' rows

  /// A parameter on the tape, for the groups at this point: where no task of theirs has a loss, it
  /// gets no gradient.
  Var use(Parameter& p) const;
  /// The same for some of the groups: those with these tasks.
  Var use(Parameter& p, const std::vector<int>& tasks) const;
};

/// How a store's new parameters are filled. Biases start as uniform_fan_in too, or else at 0.
struct Init {
  enum class Kind { normal, kaiming_normal, uniform_fan_in };
  Kind kind = Kind::kaiming_normal;
  uint64_t seed = 0;
};

class Conv {
 public:
  Conv(ParameterStore& store, const std::string& name, int64_t in, int64_t out, Extent2 kernel,
       const Conv2dOptions& options, bool bias, const Init& init);
  Var operator()(Pass& pass, const Var& x) const;
  const Parameter& weight() const { return *weight_; }
  const Conv2dOptions& options() const { return options_; }
  /// Where its output looks, for an input that lies on `in`.
  Grid grid(const Grid& in) const;

 private:
  Parameter* weight_;
  Parameter* bias_ = nullptr;
  Conv2dOptions options_;
};

/// Multiply-adds for one image: dense, and without taps that see only padding.
struct Macs {
  int64_t dense = 0;
  int64_t useful = 0;
  Macs& operator+=(const Macs& other) {
    dense += other.dense;
    useful += other.useful;
    return *this;
  }
  friend Macs operator*(Macs m, int64_t n) { return {m.dense * n, m.useful * n}; }
};

/// MACs of `conv` on x = [1, H, W, C]; x becomes the output's shape.
Macs conv_macs(const Conv& conv, Shape& x);

/// What batch norm keeps for each task instead of for all: nothing where `tasks` is empty, else its
/// running statistics ("bn1.seg.running_mean"), and where `affine` its weight and bias too
/// ("bn1.seg.weight"), as DomainNet's branch of AdaShare. Groups then have to be one task's alone,
/// but that tasks of one value and one weight can share a group in training.
struct NormTasks {
  std::vector<std::string> tasks;
  bool affine = false;
};

class BatchNorm {
 public:
  BatchNorm(ParameterStore& store, const std::string& name, int64_t channels,
            const NormTasks& own = {}, double eps = 1e-5, double momentum = 0.1);
  /// y = BN(x), or max(BN(x), 0) where `relu`.
  Var operator()(Pass& pass, const Var& x, bool relu = false) const;
  /// Whether end() can be asked: in training, with one weight and bias for all groups.
  bool ends(const Pass& pass) const { return pass.training && !affine_; }
  /// ops/block_end.h: a block's last norm, its shortcut r and the groups' gates in one.
  Var end(Pass& pass, const Var& x, const Var& r, const std::vector<GroupGate>& gates) const;

 private:
  struct Set {
    Parameter *gamma, *beta;
    BatchNormStats* stats;
  };
  BatchNormOptions options_for(const Pass& pass) const;
  std::vector<BatchNormStats*> stats_for(Pass& pass, const Var& x,
                                         const BatchNormOptions& options) const;
  Var by_task(Pass& pass, const Var& x, const BatchNormOptions& options) const;

  std::vector<Set> sets_;  ///< one, or one a task
  bool per_task_, affine_;
  double eps_, momentum_;
};

class Linear {
 public:
  Linear(ParameterStore& store, const std::string& name, int64_t in, int64_t out, const Init& init,
         bool bias = true);
  Var operator()(Pass& pass, const Var& x) const;
  const Parameter& weight() const { return *weight_; }

 private:
  Parameter* weight_;
  Parameter* bias_ = nullptr;
};

}  // namespace weft
