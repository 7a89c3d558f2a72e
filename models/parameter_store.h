// ParameterStore: owns a model's parameters and batch norm statistics, in the order in which the
// layers asked for them, under their file names (torchvision's for a trunk). Addresses are stable,
// so layers keep pointers; optimizers and checkpoints walk the store and need no model class.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/parameter.h"
#include "ops/batch_norm.h"

namespace weft {

struct NamedStats {
  std::string name;  ///< the layer's: "layer1.0.bn1" (files add ".running_mean" and so on)
  BatchNormStats stats;
};

class ParameterStore {
 public:
  ParameterStore(AnyContext context, DType dtype) : context_(context), dtype_(dtype) {}
  ParameterStore(const ParameterStore&) = delete;
  ParameterStore& operator=(const ParameterStore&) = delete;

  /// A new parameter with uninitialised value; throws std::logic_error on a name used twice.
  Parameter& add(const std::string& name, const Shape& shape);
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
};

}  // namespace weft
