// Gradients over ranks: small ones side by side, so that a message is worth its way.
#include "train/step/over_ranks.h"

#include <algorithm>

#include "engine/device_tensor.h"
#include "engine/ranks.h"
#include "train/step/card_means.h"
#include "train/step/finite.h"
#include "train/step/running.h"

namespace weft {
namespace {

constexpr int64_t least_at_once = 1 << 19;

/// Their means, in tensors of their own; all are of T.
template <class T>
std::vector<Tensor> means(const AnyContext& context, const std::vector<Tensor>& tensors) {
  std::vector<Tensor> out;
  std::vector<T> values;
  for (size_t begin = 0, end = 0; begin < tensors.size(); begin = end) {
    values.clear();
    while (end < tensors.size() && static_cast<int64_t>(values.size()) < least_at_once) {
      const Tensor host = to_host(context, tensors[end++]);
      values.insert(values.end(), host.data<T>(), host.data<T>() + host.numel());
    }
    current_ranks().mean(values.data(), static_cast<int64_t>(values.size()));
    const T* from = values.data();
    for (size_t i = begin; i < end; ++i) {
      const Tensor mean = Tensor::empty(tensors[i].shape(), dtype_of<T>());
      std::copy(from, from + mean.numel(), mean.data<T>());
      from += mean.numel();
      out.push_back(to_device(context, mean));
    }
  }
  return out;
}

std::vector<Tensor> means_of(const AnyContext& context, const std::vector<Tensor>& tensors) {
  if (tensors.empty()) return {};
  if (CardRanks* const cards = current_ranks().cards()) {
    std::vector<Tensor> out = tensors;
    CardMeans means(context, *cards);
    for (Tensor& t : out) means.add(&t);
    means.finish();
    return out;
  }
  return tensors[0].dtype() == DType::f64 ? means<double>(context, tensors)
                                          : means<float>(context, tensors);
}

}  // namespace

void average_over_ranks(const AnyContext& context, const std::vector<Parameter*>& parameters) {
  if (current_ranks().alone()) return;
  std::vector<Tensor> gradients;
  for (const Parameter* p : parameters)
    if (p->grad.defined()) gradients.push_back(p->grad);
  gradients = means_of(context, gradients);
  size_t i = 0;
  for (Parameter* p : parameters)
    if (p->grad.defined()) p->grad = gradients[i++];
}

bool backward_over_ranks(Tape& tape, const Var& loss, const std::vector<Parameter*>& parameters) {
  CardRanks* const cards = current_ranks().cards();
  if (cards == nullptr) {
    tape.backward(loss);
    return false;
  }
  CardMeans means(tape.context(), *cards);
  AverageFinished finished(means, parameters);
  {
    const ListenToGradients listening(finished);
    tape.backward(loss);
  }
  finished.finish();
  return true;
}

void average_over_ranks(const AnyContext& context, TaskGradients& gradients) {
  if (current_ranks().alone()) return;
  std::vector<Tensor> all;
  for (const Parameter* p : gradients.shared())
    for (const Tensor& row : gradients.rows(*p))
      all.push_back(row.defined() ? row : zeros_on(context, p->value.shape(), p->value.dtype()));
  all = means_of(context, all);
  auto next = all.begin();
  const auto count = static_cast<int64_t>(gradients.tasks().size());
  for (const Parameter* p : gradients.shared()) {
    gradients.set_rows(*p, {next, next + count});
    next += count;
  }
}

void average_running_over_ranks(ParameterStore& store) {
  if (current_ranks().alone()) return;
  const std::vector<Tensor> running = running_of(store);
  const std::vector<Tensor> averages = means_of(store.context(), running);
  if (current_ranks().cards() != nullptr) return copy_each(store.context(), running, averages);
  for (size_t i = 0; i < running.size(); ++i) {
    copy_to(store.context(), running[i], averages[i]);
    if (running[i].on_host()) running[i].changed();
  }
}

void take_from_first_rank(ParameterStore& store) {
  Ranks& ranks = current_ranks();
  if (ranks.alone()) return;
  std::vector<Tensor> tensors = running_of(store);
  for (const Parameter& p : store.parameters()) tensors.push_back(p.value);
  for (const Tensor& t : tensors) {
    const Tensor host = to_host(store.context(), t);
    ranks.broadcast(host.raw(), host.bytes());
    if (t.on_host())
      t.changed();
    else
      copy_to(store.context(), t, to_device(store.context(), host));
  }
  for (NamedStats& s : store.stats())
    ranks.broadcast(&s.stats.num_batches_tracked, sizeof s.stats.num_batches_tracked);
}

int ranks_on_this_host() {
  const Ranks& ranks = current_ranks();
  if (ranks.alone()) return 1;
  const auto host_of = [&](int rank) {
    const std::string name = ranks.name_of(rank);
    return name.substr(std::min(name.find('('), name.size()));
  };
  int beside = 0;
  for (int rank = 0; rank < ranks.size(); ++rank) beside += host_of(rank) == host_of(ranks.rank());
  return beside;
}

}  // namespace weft
