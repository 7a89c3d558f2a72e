// A Balance whose learned numbers are LogScales: what uw and imtl_l share.
#pragma once

#include "models/balance/losses.h"
#include "models/balance/make.h"

namespace weft::balance {

/// `weigh` maps (scales, tasks, options) to weights; `move` moves the scales by (scales, step, rate,
/// options).
template <class Weigh, class Move>
class LearnedScales final : public Balance {
 public:
  LearnedScales(const char* name, const BalanceOptions& options, double rate, Weigh weigh,
                Move move)
      : Balance(name, options),
        scales_(options.tasks.size()),
        rate_(options.rate.value_or(rate)),
        weigh_(weigh),
        move_(move) {
    require(rate_ > 0, name, "rate", rate_, "above 0");
  }
  std::string describe() const override {
    return fmt::format("{}: a scale a task, learned by Adam at rate {}", name(), rate_);
  }
  Needs needs() const override { return Needs::losses; }
  bool foresees() const override { return true; }

 private:
  std::vector<Weights> compute(const BalanceStep& step) override {
    return {weigh_(scales_, step.tasks, options_)};
  }
  void absorb_losses(const BalanceStep& step, std::vector<Note>& notes) override {
    move_(scales_, step, rate_, options_);
    note_where(notes, step.tasks.size(), "a loss of 0 or less lets its weight grow without end",
               [&](size_t i) { return step.losses[i] <= 0; });
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"s", &scales_.s},
            {"first", &scales_.adam.first},
            {"second", &scales_.adam.second},
            {"steps", &scales_.adam.steps}};
  }
  LogScales scales_;
  double rate_;
  Weigh weigh_;
  Move move_;
};

template <class Weigh, class Move>
Made learned_scales(const char* name, const BalanceOptions& options, double rate, Weigh weigh,
                    Move move) {
  return std::make_unique<LearnedScales<Weigh, Move>>(name, options, rate, weigh, move);
}

}  // namespace weft::balance
