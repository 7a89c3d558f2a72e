// huber_loss: both branches on both sides of the target, slopes at the border, and its delta.
#include "ops/huber_loss.h"

#include <cmath>
#include <limits>

#include "tests/ops/pixel_loss_cases.h"

namespace weft {

TEST_CASE("huber_loss", "[ops]") {
  for (double delta : {0.25, 1.0, 100.0})
    check_pixel_loss(
        {.name = "huber_loss",
         .op = [delta](const Var& p, const Tensor& target, const Tensor& mask,
                       Tensor* valid) { return huber_loss(p, target, mask, delta, valid); },
         .each = [delta](const Var& p, const Tensor& target,
                         const Tensor& mask) { return huber_loss_each(p, target, mask, delta); },
         .naive =
             [delta](const double* p, const double* t, int64_t channels) {
               double sum = 0;
               for (int64_t c = 0; c < channels; ++c) {
                 const double e = std::abs(p[c] - t[c]);
                 sum += e <= delta ? e * e / 2 : delta * (e - delta / 2);
               }
               return sum;
             },
         .low = -2,
         .high = 2,
         .pred_low = -2,
         .pred_high = 2});
}

TEST_CASE("huber_loss: values and slopes on both sides of delta", "[ops]") {
  Tape tape(test_device());
  const Var pred = tape.leaf(on_tape(tape, Tensor::from({4, 2}, {-3, -2, -1, 0, 0.5, 2, 3, 5})));
  const Tensor target = on_tape(tape, Tensor::from({4, 2}, Values(8, 0.0)));
  const Var loss = huber_loss(pred, target, {}, 2);
  // 4 + 2 + 0.5 + 0 + 0.125 + 2 + 4 + 8, over 8 elements
  CHECK(from_tape(tape, loss.value()).item() == 20.625 / 8);
  tape.backward(loss);
  CHECK(from_tape(tape, tape.grad(pred)).to_vector() ==
        Values{-0.25, -0.25, -0.125, 0, 0.0625, 0.25, 0.25, 0.25});
}

TEST_CASE("huber_loss: an infinite delta is half the squared error, NaN stays NaN", "[ops]") {
  Tape tape(test_device());
  const double inf = std::numeric_limits<double>::infinity();
  const Var pred = tape.leaf(on_tape(tape, Tensor::from({2, 1}, {3, 1})));
  const Tensor target = on_tape(tape, Tensor::from({2, 1}, {0, 2}));
  const Var loss = huber_loss(pred, target, {}, inf);
  CHECK(from_tape(tape, loss.value()).item() == 2.5);
  tape.backward(loss);
  CHECK(from_tape(tape, tape.grad(pred)).to_vector() == Values{1.5, -0.5});

  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Var wrong = tape.leaf(on_tape(tape, Tensor::from({1, 1}, {nan})));
  const Var of_nan = huber_loss(wrong, on_tape(tape, Tensor::from({1, 1}, {0})));
  CHECK(std::isnan(from_tape(tape, of_nan.value()).item()));
  tape.backward(of_nan);
  CHECK(std::isnan(from_tape(tape, tape.grad(wrong)).item()));
}

TEST_CASE("huber_loss: what it refuses", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var pred = tape.leaf(Tensor::from({1, 1}, {1}));
  const Tensor target = Tensor::from({1, 1}, {0});
  check_shape_error([&] { huber_loss(pred, target, {}, 0); },
                    "huber_loss: delta must be above 0, it is 0");
  check_shape_error([&] { huber_loss(pred, target, {}, -1); }, "it is -1");
  check_shape_error([&] { huber_loss(pred, target, {}, std::numeric_limits<double>::quiet_NaN()); },
                    "it is nan");
  check_shape_error([&] { huber_loss_each(pred, target, {}, 0); },
                    "huber_loss_each: delta must be above 0, it is 0");
}

}  // namespace weft
