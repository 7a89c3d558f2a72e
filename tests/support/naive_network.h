// Networks as their definitions say, number by number: NHWC images of Scalars, loops and nothing
// else. Witness holds a model's parameters as Scalars by name, and compares the gradients that
// weft's backward pass left in the model with its own.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "models/sharing/sharing.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/catch.h"
#include "tests/support/scalar.h"

namespace weft::test {

/// [n, h, w, c], c fastest.
struct Image {
  int64_t n = 0, h = 0, w = 0, c = 0;
  std::vector<Scalar> at;
  Image(int64_t n_, int64_t h_, int64_t w_, int64_t c_)
      : n(n_), h(h_), w(w_), c(c_), at(static_cast<size_t>(n_ * h_ * w_ * c_)) {}
  Scalar& operator()(int64_t i, int64_t y, int64_t x, int64_t k) {
    return at[static_cast<size_t>(((i * h + y) * w + x) * c + k)];
  }
  const Scalar& operator()(int64_t i, int64_t y, int64_t x, int64_t k) const {
    return at[static_cast<size_t>(((i * h + y) * w + x) * c + k)];
  }
};

/// Fixed numbers in (-1, 1) that follow no pattern which a mistake could share.
inline double uneven(int64_t i) {
  return std::sin(12.9898 * static_cast<double>(i + 1) + 4.1414 * std::cos(static_cast<double>(i)));
}

class Witness {
 public:
  /// Every parameter gets uneven values around what it was made with, so that no bias is 0.
  explicit Witness(Model& model) : model_(model) {
    Scalar::nodes().clear();
    int64_t i = 0;
    for (Parameter& p : model.store().parameters()) {
      const auto values = p.value.view<double>();
      for (int64_t j = 0; j < values.numel(); ++j) {
        values[j] += 0.3 * uneven(i++);
        numbers_[p.name].push_back(Scalar::input(values[j]));
      }
    }
  }

  /// Element j of parameter `name`, in memory order.
  const Scalar& parameter(const std::string& name, int64_t j) const {
    return numbers_.at(name).at(static_cast<size_t>(j));
  }
  int64_t size(const std::string& name) const {
    return static_cast<int64_t>(numbers_.at(name).size());
  }

  /// 3x3, padding 1, weight [K, 3, 3, C] and bias.
  Image conv3x3(const Image& x, const std::string& name) const {
    const int64_t out = size(name + ".bias");
    Image y(x.n, x.h, x.w, out);
    for (int64_t i = 0; i < x.n; ++i)
      for (int64_t row = 0; row < x.h; ++row)
        for (int64_t col = 0; col < x.w; ++col)
          for (int64_t k = 0; k < out; ++k) {
            Scalar sum = parameter(name + ".bias", k);
            for (int64_t r = 0; r < 3; ++r)
              for (int64_t s = 0; s < 3; ++s) {
                const int64_t yy = row + r - 1, xx = col + s - 1;
                if (yy < 0 || yy >= x.h || xx < 0 || xx >= x.w) continue;
                for (int64_t c = 0; c < x.c; ++c)
                  sum = sum + x(i, yy, xx, c) *
                                  parameter(name + ".weight", ((k * 3 + r) * 3 + s) * x.c + c);
              }
            y(i, row, col, k) = sum;
          }
    return y;
  }

  /// y = x weight^T (+ bias), pixel by pixel.
  Image linear(const Image& x, const std::string& name, bool bias) const {
    const int64_t out = size(name + ".weight") / x.c;
    Image y(x.n, x.h, x.w, out);
    for (int64_t i = 0; i < x.n * x.h * x.w; ++i)
      for (int64_t o = 0; o < out; ++o) {
        Scalar sum = bias ? parameter(name + ".bias", o) : Scalar(0);
        for (int64_t c = 0; c < x.c; ++c)
          sum = sum +
                x.at[static_cast<size_t>(i * x.c + c)] * parameter(name + ".weight", o * x.c + c);
        y.at[static_cast<size_t>(i * out + o)] = sum;
      }
    return y;
  }

  /// Training: mean and biased variance over all but the channels.
  Image batch_norm(const Image& x, const std::string& name) const {
    Image y(x.n, x.h, x.w, x.c);
    const int64_t count = x.n * x.h * x.w;
    for (int64_t c = 0; c < x.c; ++c) {
      Scalar mean, variance;
      for (int64_t i = 0; i < count; ++i)
        mean = mean + x.at[static_cast<size_t>(i * x.c + c)] / Scalar(double(count));
      for (int64_t i = 0; i < count; ++i) {
        const Scalar d = x.at[static_cast<size_t>(i * x.c + c)] - mean;
        variance = variance + d * d / Scalar(double(count));
      }
      for (int64_t i = 0; i < count; ++i)
        y.at[static_cast<size_t>(i * x.c + c)] =
            parameter(name + ".weight", c) * (x.at[static_cast<size_t>(i * x.c + c)] - mean) /
                sqrt(variance + Scalar(1e-5)) +
            parameter(name + ".bias", c);
    }
    return y;
  }

  static Image relu(Image x) {
    for (Scalar& v : x.at) v = test::relu(v);
    return x;
  }

  static Image max_pool2(const Image& x) {
    Image y(x.n, x.h / 2, x.w / 2, x.c);
    for (int64_t i = 0; i < y.n; ++i)
      for (int64_t row = 0; row < y.h; ++row)
        for (int64_t col = 0; col < y.w; ++col)
          for (int64_t c = 0; c < y.c; ++c) {
            Scalar most = x(i, 2 * row, 2 * col, c);
            for (int64_t r = 0; r < 2; ++r)
              for (int64_t s = 0; s < 2; ++s)
                if (x(i, 2 * row + r, 2 * col + s, c).value > most.value)
                  most = x(i, 2 * row + r, 2 * col + s, c);
            y(i, row, col, c) = most;
          }
    return y;
  }

  static Image mean_over_pixels(const Image& x) {
    Image y(x.n, 1, 1, x.c);
    for (int64_t i = 0; i < x.n; ++i)
      for (int64_t c = 0; c < x.c; ++c)
        for (int64_t row = 0; row < x.h; ++row)
          for (int64_t col = 0; col < x.w; ++col)
            y(i, 0, 0, c) = y(i, 0, 0, c) + x(i, row, col, c) / Scalar(double(x.h * x.w));
    return y;
  }

  /// `outputs` are weft's; both sides are weighed by the same uneven numbers and differentiated.
  void check(Tape& tape, const std::vector<Var>& outputs, const std::vector<Image>& expected) {
    Scalar loss;
    int64_t i = 0;
    for (size_t k = 0; k < outputs.size(); ++k) {
      const std::vector<double> values = outputs[k].value().to_vector();
      REQUIRE(values.size() == expected[k].at.size());
      std::vector<double> seed;
      for (size_t j = 0; j < values.size(); ++j) {
        CHECK(values[j] == Catch::Approx(expected[k].at[j].value).epsilon(1e-9).margin(1e-9));
        seed.push_back(uneven(1000 + i++));
        loss = loss + Scalar(seed.back()) * expected[k].at[j];
      }
      seeds_.push_back(Tensor::from(outputs[k].shape(), seed, DType::f64));
    }
    tape.backward(weighed(outputs));
    gradients_ = Scalar::gradients(loss);
    for (const Parameter& p : model_.store().parameters()) {
      if (!p.trainable) continue;
      INFO(p.name);
      REQUIRE(p.grad.defined());
      const std::vector<double> found = p.grad.to_vector();
      const std::vector<Scalar>& numbers = numbers_.at(p.name);
      double worst = 0, size = 0;
      for (size_t j = 0; j < found.size(); ++j) {
        const double wanted = gradient(numbers[j]);
        worst = std::max(worst, std::abs(found[j] - wanted));
        size = std::max(size, std::abs(wanted));
      }
      CHECK(size > 0);
      CHECK(worst <= 1e-9 * std::max(1.0, size));
    }
  }

  double gradient(const Scalar& of) const { return gradients_.at(static_cast<size_t>(of.node)); }

 private:
  Var weighed(const std::vector<Var>& outputs) const {
    Var total;
    for (size_t k = 0; k < outputs.size(); ++k) {
      const Var term = sum(outputs[k] * outputs[k].tape().constant(seeds_[k]));
      total = k == 0 ? term : add(total, term);
    }
    return total;
  }

  Model& model_;
  std::map<std::string, std::vector<Scalar>> numbers_;
  std::vector<Tensor> seeds_;
  std::vector<double> gradients_;
};

}  // namespace weft::test
