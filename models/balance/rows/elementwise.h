// A Balance by elements, for float and double: `method` maps (options, step, rows, out).
#pragma once

#include "models/balance/make.h"

namespace weft::balance {

template <class Method>
class Elementwise final : public Balance {
 public:
  Elementwise(const char* name, const BalanceOptions& options, std::string sentence, Method method)
      : Balance(name, options), sentence_(std::move(sentence)), method_(method) {}
  std::string describe() const override { return sentence_; }
  Needs needs() const override { return Needs::rows; }
  bool elementwise() const override { return true; }
  void combine(const BalanceStep& step, const BalanceRows<float>& rows,
               std::span<float> out) const override {
    method_(options_, step, rows, out);
  }
  void combine(const BalanceStep& step, const BalanceRows<double>& rows,
               std::span<double> out) const override {
    method_(options_, step, rows, out);
  }

 private:
  /// The heads, which these methods leave alone, and notes: of the losses' sum.
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {{Vector(step.tasks.size(), 1.0), {}}};
  }
  std::string sentence_;
  Method method_;
};

template <class Method>
Made by_elements(const char* name, const BalanceOptions& options, std::string sentence, Method m) {
  return std::make_unique<Elementwise<Method>>(name, options, std::move(sentence), m);
}

/// The same spans, to be read.
template <class T>
Rows<const T> to_read(const Rows<T>& rows) {
  return {rows.begin(), rows.end()};
}

}  // namespace weft::balance
