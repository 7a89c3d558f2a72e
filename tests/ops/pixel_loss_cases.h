// What the tests of the pixel losses share: targets and masks for a shape, one OpCase from a naive
// pixel function, of the mean and of each loss by itself, and the checks that everything masked
// owes (nothing valid, NaN where masked).
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "tests/support/op_check.h"

namespace weft {

using PixelOp =
    std::function<Var(const Var& pred, const Tensor& target, const Tensor& mask, Tensor* valid)>;
using PixelEachOp = std::function<Var(const Var& pred, const Tensor& target, const Tensor& mask)>;
/// The loss of one pixel, summed over its channels.
using NaivePixel =
    std::function<double(const double* pred, const double* target, int64_t channels)>;

struct PixelLossTest {
  std::string name;
  PixelOp op;
  PixelEachOp each;
  NaivePixel naive;
  bool per_pixel = false;        // n counts pixels, not pixels times channels
  double low = -2, high = -0.1;  // targets, away from every pred
  double pred_low = 0.1, pred_high = 2;
};

inline Shape pixel_shape(const Shape& shape) {
  Shape pixels;
  for (int axis = 0; axis + 1 < shape.rank(); ++axis) pixels.push_back(shape[axis]);
  return pixels;
}

inline Values pixel_targets(const PixelLossTest& test, const Shape& shape) {
  Values t(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < t.size(); ++i)
    t[i] = static_cast<float>(test.low + (test.high - test.low) * double(i * 31 % 97) / 97);
  return t;
}

/// Every third pixel is left out.
inline Values pixel_mask(const Shape& shape, bool masked) {
  Values mask(static_cast<size_t>(pixel_shape(shape).numel()), 1.0);
  for (size_t i = 0; masked && i < mask.size(); ++i) mask[i] = i % 3 == 1 ? 0 : 1;
  return mask;
}

inline OpCase pixel_loss_case(const PixelLossTest& test, const Shape& shape, bool masked) {
  const int64_t channels = shape.back(), pixels = pixel_shape(shape).numel();
  const Values target = pixel_targets(test, shape), mask = pixel_mask(shape, masked);
  return {
      .name = fmt::format("{} {}{}", test.name, shape, masked ? " masked" : ""),
      .inputs = {shape},
      .op =
          [=](const auto& x) {
            const Tensor on = masked ? Tensor::from(pixel_shape(shape), mask, DType::u8) : Tensor();
            return test.op(x[0], on_tape(x[0].tape(), Tensor::from(shape, target, x[0].dtype())),
                           on_tape(x[0].tape(), on), nullptr);
          },
      .naive =
          [=](const auto& in) {
            double sum = 0, n = 0;
            for (int64_t i = 0; i < pixels; ++i) {
              if (mask[i] == 0) continue;
              sum +=
                  test.naive(in[0].data() + i * channels, target.data() + i * channels, channels);
              n += test.per_pixel ? 1 : static_cast<double>(channels);
            }
            return Values{n > 0 ? sum / n : 0};
          },
      .low = test.pred_low,
      .high = test.pred_high,
      .reduction = std::max<int64_t>(1, shape.numel())};
}

inline OpCase pixel_loss_each_case(const PixelLossTest& test, const Shape& shape, bool masked) {
  const int64_t channels = shape.back(), width = test.per_pixel ? channels : 1;
  const Shape losses = test.per_pixel ? pixel_shape(shape) : shape;
  const Values target = pixel_targets(test, shape), mask = pixel_mask(shape, masked);
  return {.name = fmt::format("{}_each {}{}", test.name, shape, masked ? " masked" : ""),
          .inputs = {shape},
          .op =
              [=](const auto& x) {
                const Tensor on =
                    masked ? Tensor::from(pixel_shape(shape), mask, DType::u8) : Tensor();
                const Var y =
                    test.each(x[0], on_tape(x[0].tape(), Tensor::from(shape, target, x[0].dtype())),
                              on_tape(x[0].tape(), on));
                CHECK(y.shape() == losses);
                return y;
              },
          .naive =
              [=](const auto& in) {
                Values y;
                for (int64_t i = 0; i < losses.numel(); ++i)
                  y.push_back(
                      mask[i * width / channels] == 0
                          ? 0
                          : test.naive(in[0].data() + i * width, target.data() + i * width, width));
                return y;
              },
          .low = test.pred_low,
          .high = test.pred_high,
          .reduction = width};
}

/// NaN under the mask is neither a loss nor a gradient, and errors name the op.
inline void check_pixel_loss_each(const PixelLossTest& test) {
  Tape tape(test_device());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Var pred = tape.leaf(on_tape(tape, Tensor::from({2, 2}, {0.5, 1, nan, nan})));
  const Tensor target = on_tape(tape, Tensor::from({2, 2}, {0.25, 0.75, nan, nan}));
  const Var loss = test.each(pred, target, on_tape(tape, Tensor::from({2}, {1.0, 0.0}, DType::u8)));
  const Values losses = from_tape(tape, loss.value()).to_vector();
  CHECK(std::isfinite(losses.front()));
  CHECK(losses.back() == 0);
  tape.backward(loss, on_tape(tape, Tensor::from(loss.shape(), Values(losses.size(), 1.0))));
  const Values gradient = from_tape(tape, tape.grad(pred)).to_vector();
  CHECK(std::isfinite(gradient[0]));
  CHECK(gradient[2] == 0);
  CHECK(gradient[3] == 0);
  check_shape_error(
      [&] {
        test.each(pred, on_tape(tape, Tensor::from({2}, {1.0, 1.0})), {});
      },
      test.name + "_each: pred f32 [2, 2] and target f32 [2] must be one shape");
}

inline void check_pixel_loss(const PixelLossTest& test) {
  for (const Shape& shape :
       std::vector<Shape>{{3}, {5, 1}, {2, 3, 5, 3}, {4095, 1}, {4097, 3}, {0, 3}, {2, 41, 37, 1}})
    for (bool masked : {false, true}) {
      op_check(pixel_loss_case(test, shape, masked));
      op_check(pixel_loss_each_case(test, shape, masked));
    }
  check_pixel_loss_each(test);

  Tape tape(test_device());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Var pred = tape.leaf(on_tape(tape, Tensor::from({2, 2}, {0.5, 1, nan, nan})));
  const Tensor target = on_tape(tape, Tensor::from({2, 2}, {0.25, 0.75, nan, nan}));
  const auto run = [&](const Values& mask) {
    const Tensor on = on_tape(tape, Tensor::from({2}, mask, DType::u8));
    Tensor valid;
    const Var loss = test.op(pred, target, on, &valid);
    tape.backward(loss);
    return std::tuple{from_tape(tape, loss.value()).item(),
                      from_tape(tape, tape.take_grad(pred)).to_vector(),
                      from_tape(tape, valid).item()};
  };
  const auto [loss, grad, valid] = run({1, 0});
  CHECK(std::isfinite(loss));
  CHECK(valid == (test.per_pixel ? 1 : 2));
  CHECK(std::isfinite(grad[0]));
  CHECK(grad[2] == 0);
  CHECK(grad[3] == 0);
  const auto [none, no_grad, no_valid] = run({0, 0});
  CHECK(none == 0);
  CHECK(no_valid == 0);
  CHECK(no_grad == Values(4, 0.0));

  const auto refuse = [&](const Tensor& t, const Tensor& mask) {
    return
        [&, t = on_tape(tape, t), mask = on_tape(tape, mask)] { test.op(pred, t, mask, nullptr); };
  };
  check_shape_error(refuse(Tensor::from({2}, {1.0, 1.0}), {}),
                    test.name + ": pred f32 [2, 2] and target f32 [2] must be one shape");
  check_shape_error(refuse(target, Tensor::from({1}, {1.0}, DType::u8)),
                    test.name + ": mask is u8 [1], pred [2, 2] needs u8 [2]");
  check_shape_error(refuse(target, Tensor::from({2}, {1.0, 1.0})), "mask is f32 [2]");
}

}  // namespace weft
