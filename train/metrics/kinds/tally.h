// A tally: sums over the labels of a split that metrics read their values from, kept once however
// many of them read it. Sums are in f64 and in order of pixels, so the same batches give the same
// bits. Labels that are NaN do not count; a prediction that is NaN does, and is wrong.
#pragma once

#include <cmath>
#include <cstdint>

#include "data/spec.h"
#include "engine/ranks.h"
#include "engine/tensor.h"
#include "train/metrics/measure.h"

namespace weft {

/// What a tally is of.
struct TallyOf {
  const TaskSpec& task;
  Semantics semantics;
  double deviation;  ///< of labels that `standardize` divided by it: errors are times it

  bool compat() const { return semantics == Semantics::compat; }
};

class Tally {
 public:
  virtual ~Tally() = default;
  /// A row of an image: decoded predictions [C_label][width] (train/metrics/decode.h), labels
  /// [width][C_label].
  virtual void add_row(const double* /*prediction*/, const float* /*label*/, int64_t /*width*/) {}
  /// After a batch's rows: the network's outputs, and labels [N, H, W, C_label].
  virtual void add_batch(const Tensor& /*prediction*/, const Tensor& /*labels*/) {}
  /// Outputs [N, 1, 1, 1] and how steep they are, [N, 1, 1, n] (train/step/slopes.h).
  virtual void add_slopes(const Tensor& /*prediction*/, const Tensor& /*slopes*/,
                          const Tensor& /*labels*/) {}
  virtual void add_loss(double /*loss*/, double /*weight*/) {}
  /// After the last batch: each rank has seen some of the split's, in their order by rank, and now
  /// becomes the tally of all.
  virtual void join(Ranks& ranks) = 0;
};

/// factor sum / count; absent where nothing was counted.
inline Measure ratio(double sum, double count, double factor = 1) {
  if (count <= 0) return std::nullopt;
  return factor * (sum / count);
}

inline Measure root(const Measure& square) {
  if (!square) return square;
  return std::sqrt(*square);
}

/// A mean over pixels: sound pools them; compat takes each batch's mean, weighted by its images.
class Mean {
 public:
  explicit Mean(bool compat) : compat_(compat) {}

  void add(double value) {
    batch_ += value;
    pixels_ += 1;
  }
  void end_batch(int64_t images) { end_batch(images, pixels_); }
  /// As if the batch had had so many pixels.
  void end_batch(int64_t images, double pixels) {
    if (pixels > 0) {
      sum_ += compat_ ? batch_ / pixels * static_cast<double>(images) : batch_;
      weight_ += compat_ ? static_cast<double>(images) : pixels;
    }
    batch_ = pixels_ = 0;
  }
  Measure value(double factor = 1) const { return ratio(sum_, weight_, factor); }
  void join(Ranks& ranks) { ranks.sum_all(sum_, weight_); }

 private:
  bool compat_;
  double batch_ = 0, pixels_ = 0;  ///< of the batch so far
  double sum_ = 0, weight_ = 0;
};

}  // namespace weft
