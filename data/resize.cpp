// Resizing pictures; see resize.h. Bilinear is separable: columns first, then rows.
#include "data/resize.h"

#include <algorithm>
#include <cmath>

namespace weft {
namespace {

/// For each output index its first source index and the weights from there on.
struct Taps {
  std::vector<int> first;
  std::vector<std::vector<float>> weights;
};

Taps triangle_taps(int in, int out) {
  const double factor = static_cast<double>(in) / out, radius = std::max(factor, 1.0);
  Taps taps;
  for (int i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * factor - 0.5;
    const int from = static_cast<int>(std::floor(centre - radius)) + 1;
    const int to = static_cast<int>(std::ceil(centre + radius)) - 1;
    const int first = std::clamp(from, 0, in - 1), last = std::clamp(to, 0, in - 1);
    std::vector<double> weights(last - first + 1, 0.0);
    double sum = 0;
    for (int j = from; j <= to; ++j) {  // what lies outside counts for the border pixel
      const double weight = 1 - std::abs(j - centre) / radius;
      weights[std::clamp(j, 0, in - 1) - first] += weight;
      sum += weight;
    }
    std::vector<float> scaled;
    for (double weight : weights) scaled.push_back(static_cast<float>(weight / sum));
    taps.first.push_back(first);
    taps.weights.push_back(std::move(scaled));
  }
  return taps;
}

}  // namespace

Picture resize_bilinear(const Picture& in, int height, int width) {
  if (in.height == height && in.width == width) return in;
  const Taps columns = triangle_taps(in.width, width), rows = triangle_taps(in.height, height);
  const int channels = in.channels;
  Picture wide(in.height, width, channels), out(height, width, channels);
  for (int y = 0; y < in.height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float* source = in.at(y, columns.first[x]);
      float* target = wide.at(y, x);
      for (float weight : columns.weights[x]) {
        for (int c = 0; c < channels; ++c) target[c] += weight * source[c];
        source += channels;
      }
    }
  }
  const size_t row = static_cast<size_t>(width) * channels;
  for (int y = 0; y < height; ++y) {
    float* target = out.at(y, 0);
    const float* source = wide.at(rows.first[y], 0);
    for (float weight : rows.weights[y]) {
      for (size_t i = 0; i < row; ++i) target[i] += weight * source[i];
      source += row;
    }
  }
  return out;
}

Picture resize_nearest(const Picture& in, int height, int width, bool floor) {
  if (in.height == height && in.width == width) return in;
  const auto from = [&](int i, int extent, int size) {
    const int64_t twice = floor ? 2 * int64_t{i} : 2 * int64_t{i} + 1;
    return static_cast<int>(twice * extent / (2 * int64_t{size}));
  };
  Picture out(height, width, in.channels);
  for (int y = 0; y < height; ++y) {
    const int from_y = from(y, in.height, height);
    for (int x = 0; x < width; ++x)
      std::copy_n(in.at(from_y, from(x, in.width, width)), in.channels, out.at(y, x));
  }
  return out;
}

Picture crop(const Picture& in, int top, int left, int height, int width, float fill) {
  if (top == 0 && left == 0 && height == in.height && width == in.width) return in;
  Picture out(height, width, in.channels, fill);
  const int x0 = std::max(0, -left), x1 = std::min(width, in.width - left);
  for (int y = std::max(0, -top); y < std::min(height, in.height - top) && x0 < x1; ++y) {
    std::copy_n(in.at(y + top, x0 + left), static_cast<size_t>(x1 - x0) * in.channels,
                out.at(y, x0));
  }
  return out;
}

Picture mirror(const Picture& in) {
  Picture out(in.height, in.width, in.channels);
  for (int y = 0; y < in.height; ++y) {
    for (int x = 0; x < in.width; ++x) {
      std::copy_n(in.at(y, in.width - 1 - x), in.channels, out.at(y, x));
    }
  }
  return out;
}

}  // namespace weft
