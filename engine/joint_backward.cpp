// JointBackward: the sweeps' common loop, and the one pass that follows where gradients were not
// kept.
#include "engine/joint_backward.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "engine/error.h"
#include "engine/sweep.h"

namespace weft {

struct JointBackward::Seed {
  size_t loss;
  int node;
  Sweep::Slot slot;
};

namespace {

Tape& tape_of(const std::vector<Var>& losses) {
  if (losses.empty()) throw Error("per-task gradients: there is no loss");
  return losses[0].tape();
}

}  // namespace

JointBackward::JointBackward(const std::vector<Var>& losses, const Again& again)
    : tape_(tape_of(losses)), losses_(losses), sweeps_(losses.size()) {
  const auto leaves = Sweep::leaves_of(tape_);
  first_ = tape_.passes_ + 1;
  for (size_t k = 0; k < losses.size(); ++k) {
    sweeps_[k].number = ++tape_.passes_;
    sweeps_[k].by_rows = true;
    sweeps_[k].leaves = leaves;
    tape_.start("backward", sweeps_[k], losses[k], tape_.seed_of("backward", losses[k]));
    top_ = std::max(top_, losses[k].node());
  }
  if (again) find_what_stays(again);
  for (size_t k = 0; k < losses.size(); ++k)
    if (const int node = losses[k].node(); stays(node))
      seeds_.push_back({k, node, sweeps_[k].slot(node)});
}

JointBackward::~JointBackward() = default;

size_t JointBackward::parameters() const { return sweeps_.at(0).leaves->size(); }

void JointBackward::find_what_stays(const Again& again) {
  const auto& nodes = tape_.nodes_;
  const size_t size = static_cast<size_t>(top_) + 1;
  // How many losses reach each node, and each parameter by any of its leaves.
  std::vector<int> reached(size, 0);
  std::unordered_map<const Parameter*, int> by_parameter;
  for (const Var& loss : losses_) {
    const std::vector<char> reaches = Sweep::reached_from(tape_, loss.node());
    for (size_t i = 0; i < reaches.size(); ++i) reached[i] += reaches[i];
    for (const Parameter* p : Sweep::parameters_of(tape_, reaches)) ++by_parameter[p];
  }
  // What stays: useful nodes that several losses reach, and those of one loss that lead to such a
  // parameter by a way of their own, past all that is common.
  std::vector<char> useful(size, 0), own(size, 0);
  stays_.assign(size, 0);
  for (size_t i = 0; i < size; ++i) {
    const Tape::Node& node = nodes[i];
    if (reached[i] == 0) continue;
    bool leads = node.parameter != nullptr && again(*node.parameter, by_parameter[node.parameter]);
    useful[i] = leads;
    for (int input : node.inputs) {
      if (input < 0) continue;
      leads = leads || own[static_cast<size_t>(input)];
      useful[i] = useful[i] || useful[static_cast<size_t>(input)];
    }
    own[i] = leads && reached[i] == 1;
    stays_[i] = useful[i] && (leads || reached[i] > 1);
  }
  for (size_t i = size; i-- > 0;)
    for (int input : nodes[i].inputs)
      if (stays_[i] && input >= 0 && useful[static_cast<size_t>(input)])
        stays_[static_cast<size_t>(input)] = 1;
}

void JointBackward::run(const Sink& sink) {
  if (std::exchange(done_, true)) throw Error("JointBackward: run() was called before");
  for (int i = top_; i >= 0; --i) {
    if (tape_.nodes_[static_cast<size_t>(i)].is_leaf)
      pass_leaf(i, sink);
    else
      pass_node(i);
  }
  sweeps_.clear();
}

void JointBackward::pass_leaf(int node, const Sink& sink) {
  Parameter* const p = tape_.nodes_[static_cast<size_t>(node)].parameter;
  std::vector<Tensor> gradients;
  bool any = false;
  for (Sweep& sweep : sweeps_) {
    Sweep::Slot slot = std::exchange(sweep.slot(node), {});
    slot.complete(tape_.context());
    any = any || slot.grad.defined();
    gradients.push_back(std::move(slot.grad));
  }
  if (!any) return;  // nor is this the place where a parameter's gradients meet
  if (p != nullptr) return sink(*p, gradients);
  Sweep& main = *tape_.main_;
  main.slots.resize(tape_.nodes_.size());
  for (Tensor& gradient : gradients)
    if (gradient.defined()) main.add(tape_, node, std::move(gradient));
}

void JointBackward::pass_node(int node) {
  const auto reached_by = [&](size_t k) { return sweeps_[k].slot(node).grad.defined(); };
  size_t last = 0;
  for (size_t k = 0; k < sweeps_.size(); ++k)
    if (reached_by(k)) last = k;
  for (size_t k = 0; k < sweeps_.size(); ++k) {
    if (!reached_by(k)) continue;
    if (!stays_.empty() && !stays(node))
      pass_border(k, node, /*retain=*/k < last);
    else
      tape_.differentiate(sweeps_[k], node, /*retain=*/stays(node) || k < last);
  }
}

/// Differentiates a node that is free afterwards, and keeps what it gives to nodes that stay.
void JointBackward::pass_border(size_t loss, int node, bool retain) {
  Sweep& sweep = sweeps_[loss];
  std::map<int, Sweep::Slot> before;
  for (int input : tape_.nodes_[static_cast<size_t>(node)].inputs)
    if (input >= 0 && stays(input)) {
      const Parameter* const p = tape_.nodes_[static_cast<size_t>(input)].parameter;
      const int to = p != nullptr ? sweep.leaves->at(p) : input;
      if (before.count(to) == 0) before[to] = std::exchange(sweep.slot(to), {});
    }
  tape_.differentiate(sweep, node, retain);
  for (auto& [to, slot] : before) {
    std::swap(slot, sweep.slot(to));
    if (!slot.grad.defined()) continue;
    seeds_.push_back({loss, to, slot});
    if (slot.partial)
      sweep.add_rows(tape_, to, slot.whole, slot.begin, std::move(slot.grad));
    else
      sweep.add(tape_, to, std::move(slot.grad));
  }
}

void JointBackward::run_weighted(const Weigh& weigh, const std::vector<Parameter*>& into) {
  if (!done_ || stays_.empty())
    throw Error("JointBackward: run_weighted() comes once, after run(), where nodes were retained");
  Sweep sweep;
  sweep.number = ++tape_.passes_;
  sweep.first = first_;
  sweep.last = first_ + static_cast<int>(losses_.size()) - 1;
  sweep.ask_for(tape_, into);
  sweep.slots.resize(tape_.nodes_.size());
  for (Seed& seed : seeds_) {
    Sweep::Slot slot = std::move(seed.slot);
    if (!sweep.wants(seed.node)) continue;
    Tensor weighed = weigh(seed.loss, slot.grad);
    if (slot.partial)
      sweep.add_rows(tape_, seed.node, slot.whole, slot.begin, std::move(weighed));
    else
      sweep.add(tape_, seed.node, std::move(weighed));
  }
  seeds_.clear();
  stays_.clear();
  tape_.run(sweep, top_, {});
}

}  // namespace weft
