// Tape: recording, and what it refuses. The reverse loop is in engine/backward.cpp.
#include "engine/tape.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/sweep.h"
#include "engine/trace.h"

namespace weft {
Tape& Var::tape() const {
  if (!home_) throw Error("a Var that no tape made; leaf(), constant() and use() make them");
  if (*home_ == nullptr)
    throw Error(fmt::format("a value {} of a tape that is gone; take its value()", shape()));
  return **home_;
}

Tape::Tape(AnyContext context, Mode mode)
    : context_(context), mode_(mode), main_(std::make_unique<Sweep>()) {}

Tape::~Tape() { *home_ = nullptr; }

Tape& Tape::tape_of(const char* op, SourceLoc loc, const Var* first) {
  try {
    return (first != nullptr ? *first : Var()).tape();
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {} ({})", in_layer(op), e.what(), loc.str()));
  }
}

void Tape::require_input(const char* op, SourceLoc loc, int i, const Tensor& input) const {
  if (!input.defined() || input.on_host() == memory().on_host()) return;
  throw Error(fmt::format(
      "{}: input {} {} lies {}, where this tape does not compute; bring it over with to_{} ({})",
      in_layer(op), i, input.shape(), input.on_host() ? "on the host" : "on a device",
      input.on_host() ? "device" : "host", loc.str()));
}

void Tape::require_input(const char* op, SourceLoc loc, int i, const Var& input) const {
  if (input.home_ && input.home_ != home_)
    throw Error(
        fmt::format("{}: input {} {} belongs to another tape; take its value() as a constant() of "
                    "this one, or record both on one ({})",
                    in_layer(op), i, input.shape(), loc.str()));
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
  enter_op(nullptr);
  Node node;
  node.name = op->name();
  node.layer = current_layer();
  node.op = std::move(op);
  node.loc = loc;
  require(node.name, loc, inputs);
  if (check_numbers_) check_finite(out, "the output", node);
  if (Trace* trace = current_trace()) trace->recorded(*node.op, inputs, out);
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

void Tape::recompute(const Var& v) {
  require_own("recompute", v);
  if (!v.needs_grad()) return;
  Node& node = nodes_[static_cast<size_t>(v.node())];
  if (dynamic_cast<const Recomputable*>(node.op.get()) == nullptr) return;
  v.value().drop();
  node.dropped = v.value();
}

/// "layer3.1.conv2 (conv2d) (recorded at models/layers.cpp:71)"; a parameter by its name.
std::string Tape::described(const Node& node) {
  if (node.parameter != nullptr) return node.parameter->name;
  return fmt::format("{} (recorded at {})", in_layer(node.layer, node.name), node.loc.str());
}

void Tape::check_finite(const Tensor& t, const char* what, const Node& node) const {
  if (!t.defined() || std::visit([&](auto* ctx) { return ctx->all_finite(t); }, context_)) return;
  const bool leaf = node.parameter != nullptr;
  throw NumericError(
      fmt::format("{}: {} {} holds NaN or infinity{}",
                  leaf ? node.parameter->name : in_layer(node.layer, node.name), what, t.shape(),
                  leaf ? std::string() : fmt::format(" (recorded at {})", node.loc.str())));
}

void Tape::check_unchanged(const Node& node) const {
  for (size_t i = 0; i < node.watches.size(); ++i)
    if (node.watches[i].changed())
      throw Error(fmt::format(
          "backward: {} of {} was changed in place since; go backward first, or change a copy",
          i < node.inputs.size() ? fmt::format("input {}", i) : "the output", described(node)));
}

const Tensor& Tape::grad(const Var& v) const {
  require_own("grad", v);
  if (!v.needs_grad()) throw Error("grad: a constant has no gradient");
  const auto node = static_cast<size_t>(v.node());
  if (nodes_[node].parameter != nullptr) return nodes_[node].parameter->grad;
  static const Tensor none;
  return node < main_->slots.size() ? main_->slots[node].grad : none;
}

Tensor Tape::take_grad(const Var& v) {
  Tensor out = grad(v);
  if (Parameter* const p = nodes_[static_cast<size_t>(v.node())].parameter)
    p->grad = Tensor();
  else if (out.defined())
    main_->slot(v.node()).grad = Tensor();
  return out;
}

}  // namespace weft
