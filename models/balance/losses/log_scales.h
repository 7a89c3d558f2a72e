// A Balance whose learned numbers are LogScales: what uw and imtl_l share.
#pragma once

#include "models/balance/losses.h"
#include "models/balance/make.h"

namespace weft::balance {

/// `method` maps (scales, step, rate, options) to weights, and moves the scales.
template <class Method>
class LearnedScales final : public Balance {
 public:
  LearnedScales(const char* name, const BalanceOptions& options, double rate, Method method)
      : Balance(name, options),
        scales_(options.tasks.size()),
        rate_(options.rate.value_or(rate)),
        method_(method) {
    require(rate_ > 0, name, "rate", rate_, "above 0");
  }
  std::string describe() const override {
    return fmt::format("{}: a scale a task, learned by Adam at rate {}", name(), rate_);
  }
  Needs needs() const override { return Needs::losses; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {method_(scales_, step, rate_, options_)};
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"s", &scales_.s},
            {"first", &scales_.adam.first},
            {"second", &scales_.adam.second},
            {"steps", &scales_.adam.steps}};
  }
  LogScales scales_;
  double rate_;
  Method method_;
};

template <class Method>
Made learned_scales(const char* name, const BalanceOptions& options, double rate, Method method) {
  return std::make_unique<LearnedScales<Method>>(name, options, rate, method);
}

}  // namespace weft::balance
