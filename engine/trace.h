// Trace: a forward pass op by op, as it is recorded, for whoever writes a network down. Tape::record
// tells the thread's Trace, where there is one and in every mode; without one that costs a null
// pointer's test. An op whose inputs do not say all that it computes is Described, too.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/tape.h"

namespace weft {

/// By name: "stride" {h, w}, "mean" [G, C].
struct Attributes {
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, Tensor> tensors;
};

/// What an op computes beside its inputs, after its forward pass.
class Described {
 public:
  virtual Attributes attributes() const = 0;

 protected:
  ~Described() = default;
};

/// While it lives, every op that this thread records is told to it; of several, to the last made.
class Trace {
 public:
  Trace();
  virtual ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  /// `inputs`: as the op has them; some may be undefined. An op may return an input as it is, and
  /// then records nothing. Called inside the layer's LayerScope.
  virtual void recorded(const Op& op, const std::vector<Var>& inputs, const Tensor& out) = 0;

 private:
  Trace* before_;
};

Trace* current_trace();  ///< null: none

}  // namespace weft
