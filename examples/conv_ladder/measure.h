// How a step is judged and timed, on the device.
// Judged on whole numbers, |x| <= 3 and |weight| <= 2: all sums are whole numbers below 2^24, exact
// in f32 in whatever order, so y must be the reference rounded to bf16, bit for bit. Timed on numbers
// all of whose bits vary, since tensor cores draw less power, and clock higher, on simpler ones.
#pragma once

#include "examples/conv_ladder/ladder.h"

namespace weft::ladder {

/// Operands of a layer in device memory, and the reference's result in f32.
class Bench {
 public:
  explicit Bench(const Layer& layer);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const Layer& layer() const { return layer_; }
  Operands operands() const { return {x_, weight_, y_}; }

  /// Whole numbers, and the reference of them.
  void prepare_check();
  /// Outputs that `launch` got wrong or did not write.
  unsigned long long wrong(const Launch& launch);

  void prepare_timing();
  /// Of one launch: the median of five rounds of about 20 ms each.
  double milliseconds(const Launch& launch);

 private:
  Layer layer_;
  Bf16 *x_ = nullptr, *weight_ = nullptr, *y_ = nullptr;
  float* reference_ = nullptr;
  unsigned long long* wrong_ = nullptr;
};

/// 2 for each multiplication with a pixel inside the image; all: with zeros outside as well.
double useful_flops(const Layer&);
double all_flops(const Layer&);

}  // namespace weft::ladder
