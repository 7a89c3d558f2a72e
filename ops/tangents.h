// Forward differentiation: how values on a tape change where x moves along dx,
//   dy = (dy/dx) dx,
// op by op in the order of recording: W dx for linear, f'(z) dz for tanh, sigmoid, silu and softplus,
// dx y + x dy for mul, and for the ops that are linear in what moves (add, reshape, slice, concat,
// gate, weighted_sum) the op itself. Tangents are ops on the same tape, so that a loss of them has
// gradients in its turn: reverse over forward (Griewank and Walther, Evaluating Derivatives, 2008).
// Retains the inputs of every op that was recorded while it lives.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/trace.h"

namespace weft {

class Tangents final : public Trace {
 public:
  /// Notes an op; nothing once along() has been called, whose own ops are no part of the network.
  void recorded(const Op& op, const std::vector<Var>& inputs, const Tensor& out) override;

  /// dy of each of `outputs`, of its shape; an undefined Var where x does not lead to it. x: a value
  /// with a gradient, older than this object; dx: of its shape. Before the tape's backward, which
  /// frees the ops. An op that x leads to and that has no rule here is a ConfigError with its name.
  std::vector<Var> along(const Var& x, const Var& dx, const std::vector<Var>& outputs);

 private:
  struct Noted {
    const Op* op;
    std::string layer;
    std::vector<Var> inputs;
    Shape shape;  ///< of the output
    int node;
  };
  using ByNode = std::map<int, Var>;

  Var tangent(const Noted& noted, const ByNode& known);
  const Var& slope_of(const Noted& noted);

  std::vector<Noted> noted_;
  ByNode slopes_;  ///< f'(z) of the functions, which all directions share
  bool closed_ = false;
};

}  // namespace weft
