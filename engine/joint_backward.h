// JointBackward: the gradients of K losses on one tape, side by side. Each loss has a sweep of its own
// (engine/sweep.h), and the sweeps go back together, node by node: what a node retained is read K times
// in a row, only by losses that reach it and only for their rows of a stack, and is free as soon
// as the last has passed. Cost: what one loss alone reaches is differentiated once; a node that m
// losses reach, m times. A parameter's K gradients are handed over together, as soon as they are
// complete: a Jacobian by rows for who keeps them, or layer by layer for who does not.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/tape.h"

namespace weft {

class JointBackward {
 public:
  /// gradients[i] is dL_i/dp, the sink's to take: undefined where loss i does not reach p, and at
  /// least one is defined. Called once a parameter, the one that was used last first.
  using Sink = std::function<void(Parameter& p, std::vector<Tensor>& gradients)>;
  /// Whether run_weighted() will be asked for p, which so many of the losses reach.
  using Again = std::function<bool(const Parameter& p, int losses)>;

  /// Losses of one tape, of one element each, in the order of their rows. `again`: nodes between
  /// those parameters and what one loss alone reaches are retained for run_weighted().
  explicit JointBackward(const std::vector<Var>& losses, const Again& again = {});
  ~JointBackward();

  /// How many parameters the tape has: at least as many as the sink will see.
  size_t parameters() const;
  /// dL_i/dp of every parameter that some loss reaches, for all i; a leaf that is no parameter gets
  /// the sum of all, read by Tape::grad(). Once.
  void run(const Sink& sink);
  /// weight_i times a gradient of loss i, wherever the weight lies.
  using Weigh = std::function<Tensor(size_t loss, const Tensor& gradient)>;
  /// Adds sum_i weight_i dL_i/dp to Parameter::grad of `into`, by one pass that begins where the
  /// losses meet, and frees it. After run(), once; `into` are some for which `again` held.
  void run_weighted(const Weigh& weigh, const std::vector<Parameter*>& into);

 private:
  struct Seed;  // what came from a node that is free to one that stays
  void find_what_stays(const Again& again);
  bool stays(int node) const { return !stays_.empty() && stays_[static_cast<size_t>(node)] != 0; }
  void pass_leaf(int node, const Sink& sink);
  void pass_node(int node);
  void pass_border(size_t loss, int node, bool retain);

  Tape& tape_;
  std::vector<Var> losses_;
  int top_ = 0;    // the last node of all
  int first_ = 0;  // the first sweep's number
  std::vector<Sweep> sweeps_;
  std::vector<char> stays_;  // by node: passed again by run_weighted(); empty: none
  std::vector<Seed> seeds_;
  bool done_ = false;
};

}  // namespace weft
