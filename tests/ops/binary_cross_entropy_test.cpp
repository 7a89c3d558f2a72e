// binary_cross_entropy: soft and hard targets, pos_weight, and logits far out.
#include <cmath>

#include "ops/binary_cross_entropy.h"
#include "tests/ops/pixel_loss_cases.h"

namespace weft {

TEST_CASE("binary_cross_entropy", "[ops]") {
  for (double pos_weight : {1.0, 3.5})
    check_pixel_loss(
        {.name = "binary_cross_entropy",
         .op =
             [=](const Var& p, const Tensor& target, const Tensor& mask, Tensor* valid) {
               return binary_cross_entropy(p, target, mask, pos_weight, valid);
             },
         .each =
             [=](const Var& p, const Tensor& target, const Tensor& mask) {
               return binary_cross_entropy_each(p, target, mask, pos_weight);
             },
         .naive =
             [=](const double* x, const double* t, int64_t channels) {
               double sum = 0;
               for (int64_t c = 0; c < channels; ++c) {
                 const double p = 1 / (1 + std::exp(-x[c]));
                 sum -= pos_weight * t[c] * std::log(p) + (1 - t[c]) * std::log(1 - p);
               }
               return sum;
             },
         .low = 0,
         .high = 1,
         .pred_low = -3,
         .pred_high = 3});
}

TEST_CASE("binary_cross_entropy: far out, stable", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({4, 1}, {1000, -1000, 1000, -1000}));
  const Var loss = binary_cross_entropy(x, Tensor::from({4, 1}, {1, 0, 0, 1}));
  CHECK(loss.value().item() == 500);
  tape.backward(loss);
  CHECK(tape.grad(x).to_vector() == Values{0, 0, 0.25, -0.25});
}

}  // namespace weft
