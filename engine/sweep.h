// Sweep: the gradients that one reverse pass carries, a slot for each node of the tape. A slot holds
// dL/d(value) or, where the pass keeps rows apart, that of a range of the value's rows while its
// other rows have none: tasks that are stacked on the first axis then cost a pass of one task's loss
// only that task's rows. Within a pass gradients are added in the order of recording, from the end.
#pragma once

#include <unordered_map>
#include <vector>

#include "engine/tape.h"

namespace weft {

struct Sweep {
  /// The node where a parameter's gradients meet: its first on the tape, which is passed last.
  using Leaves = std::unordered_map<const Parameter*, int>;
  static std::shared_ptr<const Leaves> leaves_of(const Tape& tape);
  /// By node, up to this one: whether this one was computed from it, or is it. None for node < 0.
  static std::vector<char> reached_from(const Tape& tape, int node);
  /// The parameters among what a node was computed from, each once, in the order of their first use.
  static std::vector<Parameter*> parameters_of(const Tape& tape, const std::vector<char>& reached);

  struct Slot {
    Tensor grad;
    bool partial = false;  ///< grad is of rows begin, begin + 1, .. of a value of shape `whole`
    int64_t begin = 0;
    Shape whole = {};

    /// Becomes the gradient of all rows, zero where there was none.
    void complete(const AnyContext& context);
  };

  int number = 0;
  int first = 0;         ///< of an earlier pass that this one goes on from, as `last`:
  int last = -1;         ///< passes first .. last
  bool by_rows = false;  ///< keep rows apart; else a slot is always complete
  std::shared_ptr<const Leaves> leaves;  ///< gather parameters' gradients; null: Parameter::grad
  std::vector<char> useful;              ///< by node: leads to what is asked for; empty: all do
  std::vector<Slot> slots;

  /// Nothing but what leads to these is computed.
  void ask_for(const Tape& tape, const std::vector<Parameter*>& parameters);
  bool wants(int node) const { return useful.empty() || useful[static_cast<size_t>(node)] != 0; }
  Slot& slot(int node) { return slots[static_cast<size_t>(node)]; }
  /// Adds a gradient of all of a node's value, or of its rows from `begin`.
  void add(Tape& tape, int node, Tensor gradient);
  void add_rows(Tape& tape, int node, const Shape& whole, int64_t begin, Tensor gradient);

 private:
  Tensor* parameter_grad(Tape& tape, int node) const;
  Slot& gathering(Tape& tape, int node);
};

/// sum += gradient; sum becomes `gradient` itself, sharing its bytes, where it was undefined.
void add_gradient(const AnyContext& context, Tensor& sum, Tensor gradient);

}  // namespace weft
