// Policy: soft samples for training, binary ones for everything after, and the two regularisers.
#include "models/policy.h"

#include <algorithm>
#include <cmath>

#include "engine/device_tensor.h"
#include "engine/philox.h"
#include "ops/concat.h"
#include "ops/gumbel_softmax.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/softmax.h"

namespace weft {

Policy::Policy(ParameterStore& store, const std::vector<std::string>& tasks, int blocks,
               const PolicyOptions& options, uint64_t seed, int choices)
    : context_(store.context()), blocks_(blocks), choices_(choices), options_(options) {
  if (options.skip_layer < 0 || options.skip_layer >= blocks)
    throw ConfigError(fmt::format("policy.skip_layer: {} of {} blocks leaves none to learn",
                                  options.skip_layer, blocks));
  const ParameterStore::Making making(store, Part::policy);
  for (const std::string& task : tasks) {
    names_.push_back("policy." + task);
    Parameter& p = store.add(names_.back(), {learned(), choices});
    switch (options.init_method) {
      case PolicyInit::equal:
        init::constant(store.context(), p, 0.5);
        break;
      case PolicyInit::random:
        init::normal(store.context(), p, seed, 1e-3);
        break;
      case PolicyInit::all_chosen: {
        std::vector<double> values(static_cast<size_t>(p.value.numel()), options.init_neg_logits);
        for (size_t at = 0; at < values.size(); at += static_cast<size_t>(choices)) values[at] = 0;
        const Tensor host = Tensor::from(p.value.shape(), values, store.dtype());
        copy_to(store.context(), p.value, host);
      }
    }
    logits_.push_back(&p);
  }
}

void Policy::set_logits(size_t k, const Tensor& host) {
  const Tensor& value = logits_[k]->value;
  if (host.shape() != value.shape() || host.dtype() != value.dtype())
    throw ShapeError(
        fmt::format("{}: logits are {}, got {}", names_[k], value.shape(), host.shape()));
  copy_to(context_, value, host);
  logits_changed();
}

const Tensor& Policy::host_logits(size_t k) const {
  if (mirror_.empty()) {
    std::vector<Tensor> all;  // whole or not at all: the copy waits, which recorded work may not
    for (const Parameter* logits : logits_) {
      all.push_back(Tensor::empty(logits->value.shape(), logits->value.dtype()));
      copy_to(context_, all.back(), logits->value);
    }
    mirror_ = std::move(all);
  }
  return mirror_[k];
}

int Policy::active(int64_t epoch, int speed) const {
  if (speed == 0) return learned();
  return static_cast<int>(std::min<int64_t>(epoch / speed + 1, learned()));
}

bool Policy::uses(int l, int active) const {
  const int row = l - skip_layer(), first = first_row(active);
  return row >= first && row < first + active;
}

PolicySample Policy::sample(Pass& pass, double temperature, bool hard, int active,
                            bool run_skipped) const {
  PolicySample out;
  out.gates = all_selected(tasks(), blocks_);
  for (size_t k = 0; k < logits_.size(); ++k) {
    const LayerScope scope(names_[k]);
    const Var logits = pass.tape.use(*logits_[k]);
    const Var p = gumbel_softmax(logits, temperature, hard, pass.noise, names_[k]);
    std::vector<double> values;
    if (hard && !run_skipped && !p.needs_grad())
      values = gumbel_sample(host_logits(k), temperature, hard, pass.noise, names_[k]).to_vector();
    for (int l = skip_layer(); l < blocks_; ++l) {
      if (!uses(l, active)) continue;
      Gate& gate = out.gates[k][static_cast<size_t>(l)];
      gate.kind = Gate::Kind::soft;
      if (!values.empty())
        gate.kind = values[static_cast<size_t>(2 * (l - skip_layer()))] > 0.5 ? Gate::Kind::select
                                                                              : Gate::Kind::skip;
    }
    out.p.push_back(p);
  }
  return out;
}

std::vector<std::vector<double>> Policy::probabilities() const {
  std::vector<std::vector<double>> out;
  for (size_t k = 0; k < logits_.size(); ++k) {
    const std::vector<double> v = host_logits(k).to_vector();
    auto& row = out.emplace_back(static_cast<size_t>(skip_layer()), 1.0);
    for (size_t at = 0; at < v.size(); at += 2)
      row.push_back(1.0 / (1.0 + std::exp(v[at + 1] - v[at])));
  }
  return out;
}

BinaryPolicy Policy::sample_binary(uint64_t seed, uint32_t index, int active) const {
  BinaryPolicy out;
  const auto p = probabilities();
  for (size_t k = 0; k < p.size(); ++k) {
    const Philox words(seed, Stream::policy, index, names_[k]);
    auto& row = out.select.emplace_back();
    for (int l = 0; l < blocks_; ++l)
      row.push_back(!uses(l, active) ||
                    words.uniform(static_cast<uint64_t>(l)) < p[k][static_cast<size_t>(l)]);
  }
  return out;
}

BinaryPolicy Policy::most_likely() const {
  BinaryPolicy out;
  for (const auto& row : probabilities()) {
    auto& select = out.select.emplace_back();
    for (double p : row) select.push_back(p >= 0.5);
  }
  return out;
}

Var Policy::constant(Tape& tape, const Shape& shape, const std::vector<double>& values) const {
  const DType dtype = logits_[0]->value.dtype();
  return tape.constant(to_device(tape.context(), Tensor::from(shape, values, dtype)));
}

Var Policy::sparsity_loss(Tape& tape, SparsityForm form, int active) const {
  const bool select = form == SparsityForm::log_select;
  const bool depth = form == SparsityForm::log_skip_depth;
  std::vector<double> weights;
  const int first = first_row(active);
  for (int l = first; l < first + active; ++l) weights.push_back(2.0 * (l + 1) / learned());
  Var total;
  for (Parameter* logits : logits_) {
    const LayerScope scope(logits->name);
    const Var logp = log_softmax(tape.use(*logits));
    const Var rows = slice(logp, 0, first, active);
    const Var column = slice(rows, 1, select ? 0 : 1, 1);
    const Var weighed = depth ? mul(column, constant(tape, {active, 1}, weights)) : column;
    const Var term = select ? sum(column) : scale(mean(weighed), -1.0);
    total = total.value().defined() ? add(total, term) : term;
  }
  return total;
}

Var Policy::compared(Tape& tape, size_t k, bool compat) const {
  const Var u = tape.use(*logits_[k]);
  return slice(compat ? u : softmax(u), 1, 0, 1);
}

Var Policy::sharing_loss(Tape& tape, bool compat, bool depth_weights) const {
  const int tasks = this->tasks(), pairs = tasks * (tasks - 1) / 2;
  std::vector<Var> columns;
  for (size_t k = 0; k < logits_.size(); ++k) {
    const Var own = compared(tape, k, compat);
    columns.push_back(reshape(own, {1, own.shape().numel()}));
  }
  if (pairs == 0) return scale(sum(columns[0]), 0.0);
  // Row (i, j) of `difference` is +1 at i and -1 at j: difference u is every u_i - u_j at once.
  std::vector<double> difference, weights;
  for (int i = 0; i < tasks; ++i)
    for (int j = i + 1; j < tasks; ++j)
      for (int k = 0; k < tasks; ++k) difference.push_back(k == i ? 1.0 : k == j ? -1.0 : 0.0);
  const auto each = static_cast<size_t>(columns[0].shape().numel() / learned());
  for (int l = 0; l < learned(); ++l) {
    const double depth = compat ? l + 1 : learned() - l;
    const double weight = depth_weights ? depth / learned() : 1.0;
    weights.insert(weights.end(), each, each == 1 ? weight : weight / 2);
  }
  const Var u = concat(columns, 0);
  const Var apart = abs(matmul(constant(tape, {pairs, tasks}, difference), u));
  return sum(mul(apart, constant(tape, {1, u.shape()[1]}, weights)));
}

}  // namespace weft
