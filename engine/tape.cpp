// Tape: recording, and the one reverse loop.
#include "engine/tape.h"

#include "engine/error.h"

#include <algorithm>
#include <stdexcept>

namespace weft {
namespace {

void accumulate(const AnyContext& context, const Tensor& to, const Tensor& from) {
  std::visit([&](auto* ctx) { ctx->accumulate(to, from); }, context);
}

Tensor copy_of(const AnyContext& context, const Tensor& from) {
  Tensor to = Tensor::empty(from.shape(), from.dtype(), memory_of(context));
  std::visit([&](auto* ctx) { ctx->copy(to, from); }, context);
  return to;
}

}  // namespace

const AnyContext& Backward::context() const { return tape_.context_; }

const Tensor& Backward::dout() const { return tape_.nodes_[node_].grad; }

bool Backward::needs(int i) const { return tape_.nodes_[node_].inputs[i] >= 0; }

const Shape& Backward::input_shape(int i) const { return tape_.nodes_[node_].input_shapes[i]; }

Tensor Backward::din(int i) {
  pending_.push_back({i, tape_.empty(input_shape(i), tape_.nodes_[node_].input_dtypes[i])});
  return pending_.back().gradient;
}

void Backward::pass(int i, Tensor gradient) {
  if (gradient.shape() != input_shape(i))
    throw Error(
        fmt::format("backward of {} (recorded at {}): gradient {} passed for input {} of "
                    "shape {}",
                    tape_.nodes_[node_].name, tape_.nodes_[node_].loc.str(), gradient.shape(), i,
                    input_shape(i)));
  pending_.push_back({i, std::move(gradient)});
}

void Backward::pass_rows(int i, int64_t begin, Tensor gradient) {
  pending_.push_back({i, std::move(gradient), begin});
}

Tensor Backward::scratch(const Shape& shape, DType dtype) const {
  return tape_.empty(shape, dtype);
}

Tape& Var::tape() const {
  if (!home_) throw Error("a Var that no tape made; leaf(), constant() and use() make them");
  if (*home_ == nullptr)
    throw Error(fmt::format("a value {} of a tape that is gone; take its value()", shape()));
  return **home_;
}

Tape::Tape(AnyContext context, Mode mode) : context_(context), mode_(mode) {}

Tape& Tape::tape_of(const char* op, SourceLoc loc, const Var* first) {
  try {
    return (first != nullptr ? *first : Var()).tape();
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {} ({})", op, e.what(), loc.str()));
  }
}

void Tape::require_input(const char* op, SourceLoc loc, int i, const Tensor& input) const {
  if (!input.defined() || input.on_host() == memory().on_host()) return;
  throw Error(fmt::format(
      "{}: input {} {} lies {}, where this tape does not compute; bring it over with to_{} ({})",
      op, i, input.shape(), input.on_host() ? "on the host" : "on a device",
      input.on_host() ? "device" : "host", loc.str()));
}

void Tape::require_input(const char* op, SourceLoc loc, int i, const Var& input) const {
  if (input.home_ && input.home_ != home_)
    throw Error(
        fmt::format("{}: input {} {} belongs to another tape; take its value() as a constant() of "
                    "this one, or record both on one ({})",
                    op, i, input.shape(), loc.str()));
  require_input(op, loc, i, input.value());
}

void Tape::require_input(const char* op, SourceLoc loc, int i,
                         const std::vector<Var>& inputs) const {
  for (const Var& input : inputs) require_input(op, loc, i++, input);
}

void Tape::require_own(const char* what, const Var& v) const {
  if (v.home_ != home_ || v.node_ >= static_cast<int>(nodes_.size()))
    throw Error(fmt::format("{}: a value {} of another tape", what, v.shape()));
}

Var Tape::constant(Tensor value, SourceLoc loc) const {
  require("constant", loc, value);
  return Var(std::move(value), -1, home_);
}

Var Tape::leaf(Tensor value, SourceLoc loc) {
  require("leaf", loc, value);
  Var constant = this->constant(std::move(value), loc);
  if (mode_ == Mode::no_grad) return constant;
  Node node;
  node.is_leaf = true;
  nodes_.push_back(std::move(node));
  constant.node_ = static_cast<int>(nodes_.size()) - 1;
  return constant;
}

Var Tape::use(Parameter& p) {
  if (mode_ == Mode::no_grad || !p.trainable) return constant(p.value);
  Var v = leaf(p.value);
  nodes_.back().parameter = &p;
  return v;
}

Var Tape::record(std::unique_ptr<Op> op, const std::vector<Var>& inputs, Tensor out,
                 SourceLoc loc) {
  Node node;
  node.name = op->name();
  node.op = std::move(op);
  node.loc = loc;
  require(node.name, loc, inputs);
  if (check_numbers_) check_finite(out, "the output", node);
  const bool needed =
      std::any_of(inputs.begin(), inputs.end(), [](const Var& v) { return v.needs_grad(); });
  if (mode_ == Mode::no_grad || !needed) return constant(std::move(out));
  for (const Var& v : inputs) {
    node.inputs.push_back(v.node());
    node.input_shapes.push_back(v.shape());
    node.input_dtypes.push_back(v.dtype());
    node.watches.push_back(v.value().watch());
  }
  node.watches.push_back(out.watch());
  nodes_.push_back(std::move(node));
  return Var(std::move(out), static_cast<int>(nodes_.size()) - 1, home_);
}

void Tape::check_finite(const Tensor& t, const char* what, const Node& node) const {
  if (!t.defined() || std::visit([&](auto* ctx) { return ctx->all_finite(t); }, context_)) return;
  throw NumericError(fmt::format("{}: {} {} holds NaN or infinity (recorded at {})", node.name,
                                 what, t.shape(), node.loc.str()));
}

void Tape::check_unchanged(const Node& node) const {
  for (size_t i = 0; i < node.watches.size(); ++i)
    if (node.watches[i].changed())
      throw Error(fmt::format(
          "backward: {} of {} (recorded at {}) was changed in place since; go backward first, or "
          "change a copy",
          i < node.inputs.size() ? fmt::format("input {}", i) : "the output", node.name,
          node.loc.str()));
}

void Tape::add_grad(int index, Tensor gradient) {
  Node& node = nodes_[index];
  if (check_numbers_) check_finite(gradient, "the gradient", node);
  Tensor& grad = node.parameter ? node.parameter->grad : node.grad;
  if (!grad.defined()) {
    grad = std::move(gradient);
    return;
  }
  // Bytes that another node also holds (add passes its dout on to both inputs) must not change.
  if (!grad.unique()) grad = copy_of(context_, grad);
  accumulate(context_, grad, gradient);
}

void Tape::add_grad_rows(int index, const Shape& shape, int64_t begin, const Tensor& gradient) {
  Node& node = nodes_[index];
  if (check_numbers_) check_finite(gradient, "the gradient", node);
  Tensor& grad = node.parameter ? node.parameter->grad : node.grad;
  if (!grad.defined()) {
    grad = empty(shape, gradient.dtype());
    std::visit([&](auto* ctx) { ctx->fill(grad, 0.0); }, context_);
  } else if (!grad.unique()) {
    grad = copy_of(context_, grad);
  }
  accumulate(context_, grad.rows(begin, gradient.shape()[0]), gradient);
}

void Tape::backward(const Var& loss, TapeMark stop_at) {
  if (loss.value().numel() != 1)
    throw ShapeError(fmt::format(
        "backward: a loss has one element, this one has shape {}; reduce it, or pass dL/dvalue",
        loss.shape()));
  Tensor one = empty(loss.shape(), loss.dtype());
  std::visit([&](auto* ctx) { ctx->fill(one, 1.0); }, context_);
  backward(loss, std::move(one), stop_at);
}

void Tape::backward(const Var& value, Tensor seed, TapeMark stop_at) {
  require_own("backward", value);
  if (!value.needs_grad())
    throw Error("backward: this value depends on no leaf and no trainable parameter of the tape");
  if (seed.shape() != value.shape() || seed.dtype() != value.dtype())
    throw ShapeError(
        fmt::format("backward: gradient {} for a value {}", seed.shape(), value.shape()));
  add_grad(value.node(), std::move(seed));
  run(value.node(), stop_at);
}

void Tape::run(int from, TapeMark stop_at) {
  for (int i = from; i >= stop_at.node; --i) {
    Node& node = nodes_[i];
    if (!node.grad.defined() || node.is_leaf) continue;
    if (!node.op)
      throw Error(fmt::format(
          "backward: {} (recorded at {}) was already differentiated and freed; record the step "
          "again, or stop the first pass with a TapeMark",
          node.name, node.loc.str()));
    check_unchanged(node);
    Backward b(*this, i);
    try {
      node.op->backward(b);
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      throw Error(
          fmt::format("backward of {} (recorded at {}): {}", node.name, node.loc.str(), e.what()));
    }
    node.op.reset();  // what it retained is free before its gradients are added up
    node.grad = Tensor();
    for (auto& [input, gradient, begin] : b.pending_) {
      const int to = node.inputs[input];
      if (to < 0) continue;
      if (begin == Backward::whole)
        add_grad(to, std::move(gradient));
      else
        add_grad_rows(to, node.input_shapes[input], begin, gradient);
    }
  }
}

const Tensor& Tape::grad(const Var& v) const {
  require_own("grad", v);
  if (!v.needs_grad()) throw Error("grad: a constant has no gradient");
  const Node& node = nodes_[v.node()];
  return node.parameter ? node.parameter->grad : node.grad;
}

Tensor Tape::take_grad(const Var& v) {
  Tensor out = grad(v);
  Node& node = nodes_[v.node()];
  (node.parameter ? node.parameter->grad : node.grad) = Tensor();
  return out;
}

}  // namespace weft
