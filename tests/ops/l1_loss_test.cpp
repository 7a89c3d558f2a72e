// l1_loss and mse_loss.
#include <cmath>

#include "ops/l1_loss.h"
#include "tests/ops/pixel_loss_cases.h"

namespace weft {

TEST_CASE("l1_loss", "[ops]") {
  check_pixel_loss({.name = "l1_loss",
                    .op = [](const Var& p, const Tensor& target, const Tensor& mask,
                             Tensor* valid) { return l1_loss(p, target, mask, valid); },
                    .each = [](const Var& p, const Tensor& target,
                               const Tensor& mask) { return l1_loss_each(p, target, mask); },
                    .naive =
                        [](const double* p, const double* t, int64_t channels) {
                          double sum = 0;
                          for (int64_t c = 0; c < channels; ++c) sum += std::abs(p[c] - t[c]);
                          return sum;
                        }});
}

TEST_CASE("l1_loss: signs, and 0 at equality", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var pred = tape.leaf(Tensor::from({4, 1}, {1, 2, 3, 4}));
  const Var loss = l1_loss(pred, Tensor::from({4, 1}, {2, 2, 2, 2}));
  CHECK(loss.value().item() == 1);
  tape.backward(loss);
  CHECK(tape.grad(pred).to_vector() == Values{-0.25, 0, 0.25, 0.25});
}

TEST_CASE("mse_loss", "[ops]") {
  check_pixel_loss({.name = "mse_loss",
                    .op = [](const Var& p, const Tensor& target, const Tensor& mask,
                             Tensor* valid) { return mse_loss(p, target, mask, valid); },
                    .each = [](const Var& p, const Tensor& target,
                               const Tensor& mask) { return mse_loss_each(p, target, mask); },
                    .naive =
                        [](const double* p, const double* t, int64_t channels) {
                          double sum = 0;
                          for (int64_t c = 0; c < channels; ++c) sum += std::pow(p[c] - t[c], 2);
                          return sum;
                        }});
}

}  // namespace weft
