// ParameterStore: owns a model's parameters and batch norm statistics, in the order in which the
// layers asked for them, under their file names (torchvision's for a trunk). Addresses are stable,
// so layers keep pointers; optimizers and checkpoints walk the store and need no model class.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/error.h"
#include "engine/parameter.h"
#include "ops/batch_norm.h"

namespace weft {

struct NamedStats {
  std::string name;  ///< the layer's: "layer1.0.bn1" (files add ".running_mean" and so on)
  BatchNormStats stats;
};

/// Where a parameter belongs: optimizer groups and tables ask this. Stitches learn at lr times
/// share.lr_factor; `sharing` is what else joins trunks.
enum class Part : uint8_t { trunk, head, policy, stitch, sharing };

class ParameterStore {
 public:
  /// While it lives, new parameters belong to `part`; without one, to the trunk. Whoever makes
  /// them says so: a name may hold any task's, and tells nothing.
  class Making {
   public:
    Making(ParameterStore& store, Part part) : store_(store), before_(store.making_) {
      store_.making_ = part;
    }
    ~Making() { store_.making_ = before_; }
    Making(const Making&) = delete;
    Making& operator=(const Making&) = delete;

   private:
    ParameterStore& store_;
    Part before_;
  };

  ParameterStore(AnyContext context, DType dtype) : context_(context), dtype_(dtype) {}
  ParameterStore(const ParameterStore&) = delete;
  ParameterStore& operator=(const ParameterStore&) = delete;

  /// A new parameter with uninitialised value; throws Error on a name used twice.
  /// `norm`: a batch norm's weight or bias.
  Parameter& add(const std::string& name, const Shape& shape, bool norm = false);
  /// Running mean 0, variance 1, nothing tracked.
  BatchNormStats& add_stats(const std::string& name, int64_t channels);

  std::deque<Parameter>& parameters() { return parameters_; }
  const std::deque<Parameter>& parameters() const { return parameters_; }
  std::deque<NamedStats>& stats() {
    ++stats_edits_;
    return stats_;
  }
  const std::deque<NamedStats>& stats() const { return stats_; }
  Parameter* find(const std::string& name);
  Part part_of(const Parameter& p) const { return roles_.at(&p).part; }
  bool is_norm(const Parameter& p) const { return roles_.at(&p).norm; }

  /// How often stats() was handed out to be changed.
  int64_t stats_edits() const { return stats_edits_; }

  /// Elements of every parameter (batch norm's running statistics are no parameters).
  int64_t count() const;
  void clear_gradients();
  const AnyContext& context() const { return context_; }
  DType dtype() const { return dtype_; }

 private:
  AnyContext context_;
  DType dtype_;
  std::deque<Parameter> parameters_;
  std::deque<NamedStats> stats_;
  int64_t stats_edits_ = 0;
  struct Role {
    Part part;
    bool norm;
  };
  std::map<const Parameter*, Role> roles_;
  Part making_ = Part::trunk;
};

}  // namespace weft
