// A Balance on moving averages of the gradients, which it keeps in rows: what moco and db_mtl
// share.
//   y_i <- keep_t y_i + (1 - keep_t) f_i g_i,  f_i the method's factor      g_i becomes y_i
// t counts the task's own steps, so that averages of absent tasks stand still.
#pragma once

#include "models/balance/make.h"

namespace weft::balance {

class Smoothed : public Balance {
 public:
  Smoothed(const char* name, const BalanceOptions& options);
  Needs needs() const override { return Needs::rows; }
  bool kept() const override { return true; }
  Vector absorb(const BalanceStep& step, const BalanceRows<float>& rows) override;
  Vector absorb(const BalanceStep& step, const BalanceRows<double>& rows) override;

 protected:
  /// How much of the average stays in task k's next step, its t-th from 1.
  virtual double keep(double t) const = 0;
  /// f_i of a task with this loss.
  virtual double factor(double loss) const = 0;
  /// Of the averages' Gram, after which the tasks' counts go up.
  virtual Weights weigh(const BalanceStep& step) = 0;
  std::vector<std::pair<std::string, Vector*>> fields() override { return {{"steps", &steps_}}; }
  Vector steps_;  ///< each task's steps so far

 private:
  template <class T>
  void smooth_all(const BalanceStep& step, const BalanceRows<T>& rows) const;
  std::vector<Weights> compute(const BalanceStep& step) override;
};

}  // namespace weft::balance
