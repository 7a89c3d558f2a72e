// A constructor a method, for make_balance; each is in the method's own file.
#pragma once

#include <memory>

#include "engine/error.h"
#include "models/balance/balance.h"

namespace weft::balance {

using Made = std::unique_ptr<Balance>;

#define WEFT_DECLARE(method) Made make_##method(const BalanceOptions&);
WEFT_BALANCE_METHODS(WEFT_DECLARE)
#undef WEFT_DECLARE

/// For methods without a state: `method` maps a step to the weights for each of its Grams.
template <class Method>
class Stateless final : public Balance {
 public:
  Stateless(const char* name, const BalanceOptions& options, Needs needs, bool foresees,
            std::string sentence, Method method)
      : Balance(name, options),
        needs_(needs),
        foresees_(foresees),
        sentence_(std::move(sentence)),
        method_(method) {}
  std::string describe() const override { return sentence_; }
  Needs needs() const override { return needs_; }
  bool foresees() const override { return foresees_; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {method_(step, options_)};
  }
  Needs needs_;
  bool foresees_;
  std::string sentence_;
  Method method_;
};
template <class Method>
Made of_losses(const char* name, const BalanceOptions& options, std::string sentence, Method m) {
  return std::make_unique<Stateless<Method>>(name, options, Balance::Needs::losses, false,
                                             std::move(sentence), m);
}
/// Weights of losses that do not look at them.
template <class Method>
Made of_nothing(const char* name, const BalanceOptions& options, std::string sentence, Method m) {
  return std::make_unique<Stateless<Method>>(name, options, Balance::Needs::losses, true,
                                             std::move(sentence), m);
}
template <class Method>
Made of_gram(const char* name, const BalanceOptions& options, std::string sentence, Method m) {
  return std::make_unique<Stateless<Method>>(name, options, Balance::Needs::gram, false,
                                             std::move(sentence), m);
}

/// Throws ConfigError "balance = NAME: KEY is X; it has to be RULE" unless `holds`.
void require(bool holds, const char* name, const char* key, double value, const char* rule);

}  // namespace weft::balance
