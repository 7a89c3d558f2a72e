// cosine_loss: against a naive loop, known angles, and vectors of length 0.
#include <cmath>

#include "ops/cosine_loss.h"
#include "tests/ops/pixel_loss_cases.h"

namespace weft {

TEST_CASE("cosine_loss", "[ops]") {
  check_pixel_loss({.name = "cosine_loss",
                    .op = [](const Var& p, const Tensor& target, const Tensor& mask,
                             Tensor* valid) { return cosine_loss(p, target, mask, valid); },
                    .each = [](const Var& p, const Tensor& target,
                               const Tensor& mask) { return cosine_loss_each(p, target, mask); },
                    .naive =
                        [](const double* p, const double* t, int64_t channels) {
                          double pt = 0, pp = 0, tt = 0;
                          for (int64_t c = 0; c < channels; ++c)
                            pt += p[c] * t[c], pp += p[c] * p[c], tt += t[c] * t[c];
                          return 1 - pt / (std::sqrt(pp) * std::sqrt(tt));
                        },
                    .per_pixel = true});
}

TEST_CASE("cosine_loss: known angles and empty vectors", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto loss = [&](const Values& pred, const Values& target) {
    return cosine_loss(tape.constant(Tensor::from({1, 3}, pred)), Tensor::from({1, 3}, target))
        .value()
        .item();
  };
  CHECK(loss({0, 0, 5}, {0, 0, 0.1}) == 0);
  CHECK(loss({1, 0, 0}, {0, 1, 0}) == 1);
  CHECK(loss({0, 2, 0}, {0, -1, 0}) == 2);
  CHECK(std::abs(loss({1, 1, 0}, {1, 0, 0}) - (1 - std::sqrt(0.5))) < 1e-7);
  CHECK(loss({0, 0, 0}, {0, 0, 1}) == 1);
  // The gradient of a short vector is what torch's clamp leaves: -target / eps.
  const Var zero = tape.leaf(Tensor::from({1, 3}, {0, 0, 0}));
  tape.backward(cosine_loss(zero, Tensor::from({1, 3}, {0, 0, 2})));
  const Values grad = tape.grad(zero).to_vector();
  CHECK(grad[0] == 0);
  CHECK(std::abs(grad[2] / -1e12 - 1) < 1e-6);
}

}  // namespace weft
