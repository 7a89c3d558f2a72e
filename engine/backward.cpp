// The one reverse loop, and what an op's backward sees of it.
#include <stdexcept>
#include <utility>

#include "engine/device_tensor.h"
#include "engine/error.h"
#include "engine/finished_gradients.h"
#include "engine/sweep.h"
#include "engine/tape.h"

namespace weft {

Backward::Backward(Tape& tape, Sweep& sweep, int node) : tape_(tape), sweep_(sweep), node_(node) {
  Sweep::Slot slot = std::exchange(sweep.slot(node), {});
  dout_ = slot.grad;
  begin_ = slot.begin;
  partial_ = slot.partial;
  if (!partial_ || tape.nodes_[node].op->by_rows(*this)) return;
  dout_ = Tensor();
  slot.complete(tape.context());
  dout_ = std::move(slot.grad);
  begin_ = 0;
  partial_ = false;
}

const AnyContext& Backward::context() const { return tape_.context_; }

bool Backward::needs(int i) const {
  const int input = tape_.nodes_[node_].inputs[i];
  return input >= 0 && sweep_.wants(input);
}

const Shape& Backward::input_shape(int i) const { return tape_.nodes_[node_].input_shapes[i]; }

int Backward::pass_number() const { return sweep_.number; }

bool Backward::continues(int pass) const {
  return pass == sweep_.number || (sweep_.first <= pass && pass <= sweep_.last);
}

Tensor Backward::rows(const Tensor& t) const {
  return partial_ && t.defined() ? t.rows(begin_, dout_.shape()[0]) : t;
}

Tensor Backward::din(int i) {
  pending_.push_back({i, tape_.empty(input_shape(i), tape_.nodes_[node_].input_dtypes[i])});
  return pending_.back().gradient;
}

Tensor Backward::din_rows(int i) {
  if (!partial_) return din(i);
  Shape shape = input_shape(i);
  shape.set(0, dout_.shape()[0]);
  pending_.push_back({i, tape_.empty(shape, tape_.nodes_[node_].input_dtypes[i]), begin_});
  return pending_.back().gradient;
}

Tensor Backward::onto(int i) const {
  const Tape::Node& node = tape_.nodes_[node_];
  const int input = node.inputs[i];
  if (partial_ || !needs(i) || tape_.check_numbers_ || tape_.nodes_[input].parameter != nullptr)
    return {};
  const Sweep::Slot& slot = sweep_.slot(input);
  if (slot.partial || !slot.grad.unique() || slot.grad.dtype() != node.input_dtypes[i]) return {};
  slot.grad.changed();
  return slot.grad;
}

void Backward::pass(int i, Tensor gradient) {
  const Shape& expected = input_shape(i);
  const Shape& shape = gradient.shape();
  if (partial_ && shape != expected && shape.rank() == expected.rank() && shape.rank() > 0 &&
      shape[0] == dout_.shape()[0] && shape.inner(1) == expected.inner(1))
    return pass_rows(i, begin_, std::move(gradient));
  if (shape != expected)
    throw Error(fmt::format("backward of {}: gradient {} passed for input {} of shape {}",
                            Tape::described(tape_.nodes_[node_]), shape, i, expected));
  pending_.push_back({i, std::move(gradient)});
}

void Backward::pass_rows(int i, int64_t begin, Tensor gradient) {
  pending_.push_back({i, std::move(gradient), begin});
}

Tensor Backward::scratch(const Shape& shape, DType dtype) const {
  return tape_.empty(shape, dtype);
}

Tensor Backward::over_dout() const {
  if (!dout_.unique()) return scratch(dout_.shape(), dout_.dtype());
  dout_.changed();
  return dout_;
}

/// Of the inputs that recompute() has dropped, those that somebody still retains.
void Tape::restore_inputs(const Node& node) {
  for (int input : node.inputs) {
    if (input < 0 || !nodes_[input].dropped.defined()) continue;
    const Tensor out = std::exchange(nodes_[input].dropped, {});
    if (out.unique()) continue;
    out.restore();
    dynamic_cast<const Recomputable&>(*nodes_[input].op).compute_again(context_, out);
  }
}

void Tape::differentiate(Sweep& sweep, int index, bool retain) {
  Node& node = nodes_[index];
  if (!node.op)
    throw Error(fmt::format(
        "backward: {} was already differentiated and freed; let the first pass retain ({{.retain = "
        "true}}) or stop at a TapeMark, or record the step again",
        described(node)));
  check_unchanged(node);
  const LayerScope scope(node.layer);
  enter_op(node.name);
  Backward b(*this, sweep, index);
  try {
    restore_inputs(node);
    node.op->backward(b);
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(fmt::format("backward of {}: {}", described(node), e.what()));
  }
  if (!retain) node.op.reset();  // what it retained is free before its gradients are added up
  b.dout_ = Tensor();
  for (auto& [input, gradient, begin] : b.pending_) {
    const int to = node.inputs[input];
    if (to < 0 || !sweep.wants(to)) continue;
    if (begin == Backward::whole)
      sweep.add(*this, to, std::move(gradient));
    else
      sweep.add_rows(*this, to, node.input_shapes[input], begin, std::move(gradient));
  }
}

Tensor Tape::seed_of(const char* what, const Var& loss) const {
  if (loss.value().numel() != 1)
    throw ShapeError(fmt::format(
        "{}: a loss has one element, this one has shape {}; reduce it, or pass dL/dvalue", what,
        loss.shape()));
  Tensor one = empty(loss.shape(), loss.dtype());
  fill_with(context_, one, 1.0);
  return one;
}

void Tape::start(const char* what, Sweep& sweep, const Var& value, Tensor seed) {
  require_own(what, value);
  if (!value.needs_grad())
    throw Error(fmt::format(
        "{}: this value depends on no leaf and no trainable parameter of the tape", what));
  if (seed.shape() != value.shape() || seed.dtype() != value.dtype())
    throw ShapeError(
        fmt::format("{}: gradient {} for a value {}", what, seed.shape(), value.shape()));
  sweep.slots.resize(nodes_.size());
  sweep.add(*this, value.node(), std::move(seed));
}

void Tape::run(Sweep& sweep, int from, BackwardOptions options) {
  const bool whole = sweep.leaves == nullptr && options.stop_at.node == 0 && !options.retain;
  FinishedGradients* const listener = whole ? gradient_listener() : nullptr;
  const auto first_uses = listener != nullptr ? Sweep::leaves_of(*this) : nullptr;
  for (int i = from; i >= options.stop_at.node; --i) {
    if (sweep.slot(i).grad.defined() && !nodes_[i].is_leaf) differentiate(sweep, i, options.retain);
    Parameter* const p = nodes_[i].parameter;
    if (first_uses != nullptr && p != nullptr && first_uses->at(p) == i) listener->finished(*p);
  }
}

void Tape::backward(const Var& loss, BackwardOptions options) {
  backward(loss, seed_of("backward", loss), options);
}

void Tape::backward(const Var& value, Tensor seed, BackwardOptions options) {
  start("backward", *main_, value, std::move(seed));
  run(*main_, value.node(), options);
}

std::vector<Tensor> Tape::gradients(const Var& loss, const std::vector<Parameter*>& parameters,
                                    BackwardOptions options) {
  const Tensor seed = seed_of("gradients", loss);
  Sweep sweep;
  sweep.number = ++passes_;
  sweep.leaves = Sweep::leaves_of(*this);
  sweep.ask_for(*this, parameters);
  start("gradients", sweep, loss, seed);
  if (sweep.wants(loss.node())) run(sweep, loss.node(), options);
  std::vector<Tensor> out;
  for (const Parameter* p : parameters) {
    const auto leaf = sweep.leaves->find(p);
    out.push_back(leaf == sweep.leaves->end() ? Tensor() : sweep.slot(leaf->second).grad);
  }
  return out;
}

}  // namespace weft
