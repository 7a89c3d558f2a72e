// Networks as their definitions say, in plain loops over Numbers: convolution, batch norm in
// training, pooling, ResNet-18's dilated trunk by torchvision's names; ways.cpp wires them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/sharing/sharing.h"
#include "tests/models/scalar_tape.h"

namespace weft::test {

/// [N, H, W, C]
struct Map {
  int64_t n, h, w, c;
  std::vector<Number> values;

  Map(int64_t n_, int64_t h_, int64_t w_, int64_t c_)
      : n(n_), h(h_), w(w_), c(c_), values(static_cast<size_t>(n * h * w * c)) {}
  Number& at(int64_t i, int64_t y, int64_t x, int64_t k) {
    return values[static_cast<size_t>(((i * h + y) * w + x) * c + k)];
  }
  const Number& at(int64_t i, int64_t y, int64_t x, int64_t k) const {
    return values[static_cast<size_t>(((i * h + y) * w + x) * c + k)];
  }
};

using Numbers = std::vector<Number>;

constexpr int stages = 4;  ///< of every trunk, two blocks each

/// "trunks.NAME."
std::string trunk_of(const TaskShape& task);
/// On channels.
Map concat(const std::vector<Map>& maps);
/// Windows of `kernel` from -padding on, every `stride`; the last may stand out of the image.
Map max_pool(const Map& x, int64_t kernel, int64_t stride, int64_t padding);
/// sum_j weights[j] maps[j], or weights[j C + c] for channel c.
Map weighted(const std::vector<Map>& maps, const Numbers& weights);
Number dot(const Numbers& a, const Numbers& b);

/// Element by element.
template <class F>
Map combine(const Map& a, const Map& b, F&& f) {
  Map y(a.n, a.h, a.w, a.c);
  for (size_t i = 0; i < y.values.size(); ++i) y.values[i] = f(a.values[i], b.values[i]);
  return y;
}

struct NaiveOutput {
  std::vector<Map> predictions;
  Number regulariser;
};

/// The network of a model's options, with parameters by their names.
class NaiveNet {
 public:
  NaiveNet(const ModelOptions& options, std::map<std::string, Numbers> parameters)
      : options_(options), parameters_(std::move(parameters)) {}

  /// `select`: adashare's p [L, 2] of each task.
  NaiveOutput forward(const Map& image, const std::vector<Numbers>& select) const;

  // What the definitions of the ways (ways.cpp) are made of.
  const ModelOptions& options() const { return options_; }
  bool has(const std::string& name) const { return parameters_.count(name) > 0; }
  const Numbers& get(const std::string& name) const { return parameters_.at(name); }
  Map conv(const std::string& name, const Map& x, int64_t kernel, int64_t stride, int64_t padding,
           int64_t dilation) const;
  Map norm(const std::string& name, const Map& x, bool relu, double eps = 1e-5) const;
  Map stem(const std::string& prefix, const Map& image) const;
  Map shortcut(const std::string& name, const Map& x, int64_t stride) const;
  Map block(const std::string& name, const Map& x, int64_t stride, int64_t dilation) const;
  Map block_of(const std::string& prefix, int stage, int b, const Map& x) const;
  Map stage(const std::string& prefix, int s, const Map& x) const;
  Map head(const std::string& task, const Map& x) const;
  /// In the trunk of each task.
  std::vector<Map> task_stems(const Map& image) const;
  std::vector<Map> task_stages(int s, const std::vector<Map>& x) const;

 private:
  ModelOptions options_;
  std::map<std::string, Numbers> parameters_;
};

}  // namespace weft::test
