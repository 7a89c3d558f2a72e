// REINFORCE (Williams, Machine Learning 8, 1992): the gradient of an expected cost by the logits of
// what was drawn, a ~ p, where the cost C(a) itself leads no gradient back to them:
//   d E[C] / du = E[(C(a) - b) d log p(a) / du]     for every b that a has no part in
// b is a running mean of the costs before, one an actor (a task): b <- m b + (1 - m) C after the
// step. An actor's first cost has nothing to be held against: its term is 0. b and whether there is
// one are kept as the parameter NAME [actors, 2] of the policy's part: it is in every checkpoint,
// and as it never has a gradient, no optimizer moves it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/tape.h"
#include "models/parameter_store.h"

namespace weft {

class Reinforce {
 public:
  /// `memory`: m in [0, 1); 0: the cost of the step before.
  Reinforce(ParameterStore& store, const std::string& name, size_t actors, double memory);

  /// (C - b) log p, a number whose gradient is the actor's estimate. cost: C, one number, taken as a
  /// constant; log_probability: of what the actor drew, one number. Of a first cost 0, with a
  /// gradient of zeros. Throws ShapeError where either is not one number.
  Var surrogate(size_t actor, const Var& cost, const Var& log_probability) const;
  /// Takes the step's costs into the baselines; an actor without one keeps its own.
  void learn(const std::vector<std::optional<double>>& costs);
  /// b of an actor; nullopt before its first cost.
  std::optional<double> baseline(size_t actor) const;
  /// To be called after a file has set the parameter: forgets what the host knows of it.
  void changed() { mirror_.clear(); }

 private:
  const std::vector<double>& host() const;

  AnyContext context_;
  Parameter* kept_;
  double memory_;
  mutable std::vector<double> mirror_;  ///< of kept_; empty: not known
};

}  // namespace weft
