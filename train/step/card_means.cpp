// CardMeans: fill, send, go on.
#include "train/step/card_means.h"

#include <algorithm>

#include "train/step/finite.h"

namespace weft {
namespace {

constexpr int64_t bucket_numbers = int64_t{4} << 20;
constexpr int64_t line = 64;  ///< numbers, so that each part begins as its own allocation would

int64_t padded(int64_t n) { return (n + line - 1) / line * line; }

}  // namespace

void CardMeans::add(Tensor* gradient) {
  const int64_t n = gradient->numel();
  if (n == 0) return;
  if (n >= bucket_numbers && gradient->unique()) return cards_.begin_mean(*gradient);
  bucket_.push_back(gradient);
  numbers_ += padded(n);
  if (numbers_ >= bucket_numbers) send();
}

void CardMeans::send() {
  if (bucket_.empty()) return;
  const Tensor all = Tensor::empty({numbers_}, bucket_[0]->dtype(), memory_of(context_));
  std::vector<Tensor> to, from;
  int64_t at = 0;
  for (const Tensor* t : bucket_) {
    to.push_back(all.rows(at, t->numel()));
    from.push_back(*t);
    at += padded(t->numel());
  }
  copy_each(context_, to, from);
  cards_.begin_mean(all);
  for (size_t i = 0; i < bucket_.size(); ++i) *bucket_[i] = to[i].reshaped(from[i].shape());
  bucket_.clear();
  numbers_ = 0;
}

void CardMeans::finish() {
  send();
  cards_.await_means();
}

void AverageFinished::finished(Parameter& p) {
  const auto found = std::find(left_.begin(), left_.end(), &p);
  if (found == left_.end() || !p.grad.defined()) return;
  left_.erase(found);
  means_.add(&p.grad);
}

void AverageFinished::finish() {
  for (Parameter* p : left_)
    if (p->grad.defined()) means_.add(&p->grad);
  left_.clear();
  means_.finish();
}

}  // namespace weft
