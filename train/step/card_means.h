// Means of gradients between the ranks' GPUs (engine/card_ranks.h), in buckets of about 16 MB: what is
// small is packed side by side by one kernel, so that a message is worth its way, and what comes back
// are parts of the bucket, which nobody unpacks. Each bucket is on its way as soon as it is full,
// while the pass back that fills the next one computes. A large tensor that nobody shares is averaged
// where it is. Order and sizes follow from the tape, which is the same on every rank.
#pragma once

#include <vector>

#include "engine/backend.h"
#include "engine/card_ranks.h"
#include "engine/finished_gradients.h"

namespace weft {

class CardMeans {
 public:
  CardMeans(const AnyContext& context, CardRanks& cards) : context_(context), cards_(cards) {}

  /// Of f32. *gradient becomes the mean over ranks, in bytes that may be shared, and may be used
  /// after finish(), until when the place has to stay.
  void add(Tensor* gradient);
  /// All that was added is on its way, and what is queued from now on finds it.
  void finish();

 private:
  void send();

  AnyContext context_;
  CardRanks& cards_;
  std::vector<Tensor*> bucket_;
  int64_t numbers_ = 0;
};

/// Averages gradients of some parameters as a pass back completes them.
class AverageFinished final : public FinishedGradients {
 public:
  AverageFinished(CardMeans& means, const std::vector<Parameter*>& parameters)
      : means_(means), left_(parameters) {}
  void finished(Parameter& p) override;
  /// Those that no pass has completed, where they have a gradient.
  void finish();

 private:
  CardMeans& means_;
  std::vector<Parameter*> left_;
};

}  // namespace weft
