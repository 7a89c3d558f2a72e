// Sweep: how gradients of one value add up, whole or by rows.
#include "engine/sweep.h"

#include <algorithm>
#include <unordered_set>

#include "engine/device_tensor.h"

namespace weft {
namespace {

void accumulate(const AnyContext& context, const Tensor& to, const Tensor& from) {
  std::visit([&](auto* ctx) { ctx->accumulate(to, from); }, context);
}

/// Bytes that another node also holds (add passes its dout on to both inputs) must not change.
void make_own(const AnyContext& context, Tensor& grad) {
  if (!grad.unique()) grad = copy_of(context, grad);
}

/// Rows begin .. end - 1, at least those that are there.
void widen(const AnyContext& context, Sweep::Slot& slot, int64_t begin, int64_t end) {
  const int64_t count = slot.grad.shape()[0];
  if (begin < slot.begin || end > slot.begin + count) {
    Shape shape = slot.whole;
    shape.set(0, end - begin);
    const Tensor wide = zeros_on(context, shape, slot.grad.dtype());
    const Tensor rows = wide.rows(slot.begin - begin, count);
    copy_to(context, rows, slot.grad);
    slot.grad = wide;
    slot.begin = begin;
  }
  slot.partial = slot.begin > 0 || slot.grad.shape()[0] < slot.whole[0];
}

}  // namespace

void add_gradient(const AnyContext& context, Tensor& sum, Tensor gradient) {
  if (!sum.defined()) {
    sum = std::move(gradient);
    return;
  }
  make_own(context, sum);
  accumulate(context, sum, gradient);
}

std::vector<char> Sweep::reached_from(const Tape& tape, int node) {
  std::vector<char> reached(static_cast<size_t>(node + 1), 0);
  if (node >= 0) reached.back() = 1;
  for (size_t i = reached.size(); i-- > 0;)
    if (reached[i])
      for (int input : tape.nodes_[i].inputs)
        if (input >= 0) reached[static_cast<size_t>(input)] = 1;
  return reached;
}

std::vector<Parameter*> Sweep::parameters_of(const Tape& tape, const std::vector<char>& reached) {
  std::vector<Parameter*> out;
  std::unordered_set<const Parameter*> known;
  for (size_t i = 0; i < reached.size(); ++i)
    if (Parameter* const p = tape.nodes_[i].parameter; reached[i] && p != nullptr)
      if (known.insert(p).second) out.push_back(p);
  return out;
}

std::shared_ptr<const Sweep::Leaves> Sweep::leaves_of(const Tape& tape) {
  auto leaves = std::make_shared<Leaves>();
  for (size_t i = 0; i < tape.nodes_.size(); ++i)
    if (const Parameter* p = tape.nodes_[i].parameter) leaves->emplace(p, static_cast<int>(i));
  return leaves;
}

void Sweep::ask_for(const Tape& tape, const std::vector<Parameter*>& parameters) {
  const std::unordered_set<const Parameter*> asked(parameters.begin(), parameters.end());
  useful.assign(tape.nodes_.size(), 0);
  for (size_t i = 0; i < useful.size(); ++i) {
    const Tape::Node& node = tape.nodes_[i];
    useful[i] = node.parameter != nullptr && asked.count(node.parameter) > 0;
    for (int input : node.inputs)
      if (input >= 0 && useful[static_cast<size_t>(input)]) useful[i] = 1;
  }
}

void Sweep::Slot::complete(const AnyContext& context) {
  if (partial) widen(context, *this, 0, whole[0]);
}

Tensor* Sweep::parameter_grad(Tape& tape, int node) const {
  Parameter* const p = tape.nodes_[static_cast<size_t>(node)].parameter;
  return p != nullptr && leaves == nullptr ? &p->grad : nullptr;
}

Sweep::Slot& Sweep::gathering(Tape& tape, int node) {
  const Parameter* const p = tape.nodes_[static_cast<size_t>(node)].parameter;
  return slot(p != nullptr ? leaves->at(p) : node);
}

void Sweep::add(Tape& tape, int node, Tensor gradient) {
  const AnyContext& context = tape.context();
  if (tape.check_numbers_)
    tape.check_finite(gradient, "the gradient", tape.nodes_[static_cast<size_t>(node)]);
  if (Tensor* const grad = parameter_grad(tape, node))
    return add_gradient(context, *grad, std::move(gradient));
  Slot& to = gathering(tape, node);
  to.complete(context);
  add_gradient(context, to.grad, std::move(gradient));
}

void Sweep::add_rows(Tape& tape, int node, const Shape& whole, int64_t begin, Tensor gradient) {
  const AnyContext& context = tape.context();
  if (tape.check_numbers_)
    tape.check_finite(gradient, "the gradient", tape.nodes_[static_cast<size_t>(node)]);
  const int64_t end = begin + gradient.shape()[0];
  Tensor* const parameters = parameter_grad(tape, node);
  Tensor& grad = parameters != nullptr ? *parameters : gathering(tape, node).grad;
  if (!by_rows || parameters != nullptr) {
    if (grad.defined())
      make_own(context, grad);
    else
      grad = zeros_on(context, whole, gradient.dtype());
    return accumulate(context, grad.rows(begin, end - begin), gradient);
  }
  Slot& to = gathering(tape, node);
  if (!grad.defined()) {
    to = {std::move(gradient), begin > 0 || end < whole[0], begin, whole};
    return;
  }
  if (to.partial)
    widen(context, to, std::min(begin, to.begin), std::max(end, to.begin + to.grad.shape()[0]));
  make_own(context, to.grad);
  accumulate(context, to.grad.rows(to.partial ? begin - to.begin : begin, end - begin), gradient);
}

}  // namespace weft
