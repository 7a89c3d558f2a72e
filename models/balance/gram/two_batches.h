// A Balance whose weights on the simplex move on products of two batches: what sdmgrad and modo
// share.
#pragma once

#include "models/balance/gram.h"
#include "models/balance/make.h"

namespace weft::balance {

/// `method` maps (cross, weights of all tasks, step, options) to weights, and moves those.
template <class Method>
class OfTwoBatches final : public Balance {
 public:
  OfTwoBatches(const char* name, const BalanceOptions& options, std::string sentence, Method method)
      : Balance(name, options),
        w_(mean_weights(options.tasks.size())),
        sentence_(std::move(sentence)),
        method_(method) {}
  std::string describe() const override { return sentence_; }
  Needs needs() const override { return Needs::gram; }
  bool two_batches() const override { return true; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {method_(step.grams[0], w_, step.tasks)};
  }
  std::vector<std::pair<std::string, Vector*>> fields() override { return {{"w", &w_}}; }
  Vector w_;
  std::string sentence_;
  Method method_;
};

template <class Method>
Made of_two_batches(const char* name, const BalanceOptions& options, std::string sentence,
                    Method method) {
  return std::make_unique<OfTwoBatches<Method>>(name, options, std::move(sentence), method);
}

/// The entries `tasks` of w, as a point of the simplex; equal where they have no sum.
Vector share_of(const Vector& w, const std::vector<size_t>& tasks);
/// Puts them back with the sum that they had, so that w stays on the simplex of all tasks.
void put_back(Vector& w, const std::vector<size_t>& tasks, const Vector& share);

}  // namespace weft::balance
