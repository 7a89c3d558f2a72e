// HostCards: sums "between GPUs" (engine/card_ranks.h) of tensors that the host can read, by the ranks'
// own exchange. A mean that is under way is not there before await_means(): until then its place holds
// NaN, so whoever reads too early finds out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "engine/card_ranks.h"
#include "engine/ranks.h"

namespace weft::test {

class HostCards final : public CardRanks {
 public:
  explicit HostCards(Ranks& ranks) : ranks_(ranks) { ranks_.set_cards(this); }
  ~HostCards() override { ranks_.set_cards(nullptr); }

  void sum(const Tensor& x) override {
    ++messages;
    if (x.dtype() == DType::f64)
      ranks_.sum(x.data<double>(), x.numel());
    else
      ranks_.sum(x.data<float>(), x.numel());
  }
  void mean(const Tensor& x) override {
    ++messages;
    if (x.dtype() == DType::f64)
      ranks_.mean(x.data<double>(), x.numel());
    else
      ranks_.mean(x.data<float>(), x.numel());
  }
  void gather(const Tensor& x, const Tensor& all) override {
    ++messages;
    ranks_.exchange(x.raw(), 0, all.raw(), x.bytes());
  }
  void begin_mean(const Tensor& x) override {
    const Tensor mine = x.clone();
    mean(mine);
    for (int64_t i = 0; i < x.numel(); ++i)
      if (x.dtype() == DType::f64)
        x.data<double>()[i] = std::numeric_limits<double>::quiet_NaN();
      else
        x.data<float>()[i] = std::numeric_limits<float>::quiet_NaN();
    under_way_.emplace_back(x, mine);
  }
  void await_means() override {
    for (const auto& [x, mean] : under_way_)
      std::copy_n(static_cast<const std::byte*>(mean.raw()), x.bytes(),
                  static_cast<std::byte*>(x.raw()));
    under_way_.clear();
  }
  void wait(const std::function<bool()>& done) override {
    while (!done()) {
    }
  }

  int64_t messages = 0;

 private:
  Ranks& ranks_;
  std::vector<std::pair<Tensor, Tensor>> under_way_;
};

}  // namespace weft::test
