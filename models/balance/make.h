// A constructor a method, for make_balance; each is in the method's own file.
#pragma once

#include <memory>

#include "engine/error.h"
#include "models/balance/balance.h"

namespace weft::balance {

using Made = std::unique_ptr<Balance>;

Made make_equal(const BalanceOptions&), make_fixed(const BalanceOptions&);
Made make_uw(const BalanceOptions&), make_dwa(const BalanceOptions&);
Made make_rlw(const BalanceOptions&), make_gls(const BalanceOptions&);
Made make_stch(const BalanceOptions&), make_imtl_l(const BalanceOptions&);
Made make_famo(const BalanceOptions&);

Made make_mgda(const BalanceOptions&), make_pcgrad(const BalanceOptions&);
Made make_cagrad(const BalanceOptions&), make_gradnorm(const BalanceOptions&);
Made make_gradvac(const BalanceOptions&), make_imtl_g(const BalanceOptions&);
Made make_nash_mtl(const BalanceOptions&), make_fairgrad(const BalanceOptions&);
Made make_aligned_mtl(const BalanceOptions&), make_upgrad(const BalanceOptions&);
Made make_dualproj(const BalanceOptions&), make_config(const BalanceOptions&);
Made make_sdmgrad(const BalanceOptions&), make_modo(const BalanceOptions&);

Made make_graddrop(const BalanceOptions&), make_sign_agreement(const BalanceOptions&);
Made make_moco(const BalanceOptions&), make_db_mtl(const BalanceOptions&);
Made make_excess_mtl(const BalanceOptions&);

/// For methods without a state: `method` maps a step to the weights for each of its Grams.
template <class Method>
class Stateless final : public Balance {
 public:
  Stateless(const char* name, const BalanceOptions& options, Needs needs, std::string sentence,
            Method method)
      : Balance(name, options), needs_(needs), sentence_(std::move(sentence)), method_(method) {}
  std::string describe() const override { return sentence_; }
  Needs needs() const override { return needs_; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {method_(step, options_)};
  }
  Needs needs_;
  std::string sentence_;
  Method method_;
};
template <class Method>
Made of_losses(const char* name, const BalanceOptions& options, std::string sentence, Method m) {
  return std::make_unique<Stateless<Method>>(name, options, Balance::Needs::losses,
                                             std::move(sentence), m);
}
template <class Method>
Made of_gram(const char* name, const BalanceOptions& options, std::string sentence, Method m) {
  return std::make_unique<Stateless<Method>>(name, options, Balance::Needs::gram,
                                             std::move(sentence), m);
}

/// Throws ConfigError "balance = NAME: KEY is X; it has to be RULE" unless `holds`.
void require(bool holds, const char* name, const char* key, double value, const char* rule);
/// The same for a word: "KEY is 'X'; choose RULE".
void require(bool holds, const char* name, const char* key, const std::string& value,
             const char* rule);

}  // namespace weft::balance
