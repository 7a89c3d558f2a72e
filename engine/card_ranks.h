// Sums between the GPUs of ranks (engine/ranks.h), one card a rank: what is on a card stays there. All
// ranks ask for the same things in the same order; each is queued, like a kernel, and may be recorded
// (engine/cuda/graph.h).
//   sum      x <- x_0 + x_1 + .. + x_{N-1}      mean: the same, divided by N
//   gather   all[r] <- rank r's x
// Every rank gets the same bits; in which order a sum of more than two is taken is the carrier's.
#pragma once

#include <functional>

#include "engine/tensor.h"

namespace weft {

class CardRanks {
 public:
  CardRanks() = default;
  virtual ~CardRanks() = default;
  CardRanks(const CardRanks&) = delete;
  CardRanks& operator=(const CardRanks&) = delete;

  /// In place, f32 or f64, on the compute stream.
  virtual void sum(const Tensor& x) = 0;
  virtual void mean(const Tensor& x) = 0;
  /// `all` has N times the bytes of x.
  virtual void gather(const Tensor& x, const Tensor& all) = 0;
  /// The mean of x as it will be after what was queued so far, beside what is queued from now on;
  /// until await_means() nobody else reads or writes it.
  virtual void begin_mean(const Tensor& x) = 0;
  /// What is queued from now on finds all these means.
  virtual void await_means() = 0;
  /// Returns once `done` says so; UserError where that takes longer than a rank may be silent
  /// (Ranks::patience), or the carrier has failed. Nothing on this card waits for others then.
  virtual void wait(const std::function<bool()>& done) = 0;
};

}  // namespace weft
