// run_int8: node by node, N pictures at once.
#include "train/export/int8/run_int8.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/tape.h"
#include "ops/linear.h"

namespace weft {
namespace {

using Steps = std::vector<int8_t>;

class Emulation {
 public:
  Emulation(const AnyContext& context, const Int8Network& network, const Tensor& input)
      : context_(context), net_(network), n_(input.shape()[0]) {
    if (input.shape() != batch(0))
      throw ShapeError(
          fmt::format("run_int8: the input is {}, the network's {}", input.shape(), batch(0)));
    steps_.resize(net_.nodes.size());
    values_.resize(net_.nodes.size());
    values_[0] = entry(input);
    Steps& first = steps_[static_cast<size_t>(net_.entry)];
    const auto* x = values_[0].data<float>();
    for (int64_t i = 0; i < values_[0].numel(); ++i)
      first.push_back(quantise(x[i], net_.nodes[static_cast<size_t>(net_.entry)].q));
    for (size_t i = static_cast<size_t>(net_.entry) + 1; i < steps_.size(); ++i) compute(i);
  }

  std::vector<Tensor> outputs() const {
    std::vector<Tensor> out;
    for (const ExportedOutput& o : net_.network.outputs) {
      const auto i = static_cast<size_t>(o.node);
      out.push_back(net_.nodes[i].f32 ? values_[i] : dequantised(i));
    }
    return out;
  }

 private:
  const ExportedNode& node(size_t i) const { return net_.network.nodes[i]; }
  size_t from(size_t i, size_t j = 0) const { return static_cast<size_t>(node(i).inputs[j]); }
  const Steps& x(size_t i, size_t j = 0) const { return steps_[from(i, j)]; }
  int32_t zero(size_t i, size_t j = 0) const { return net_.nodes[from(i, j)].q.zero; }
  Shape batch(size_t i) const {
    const Shape& s = node(i).shape;
    return {n_, s[0], s[1], s[2]};
  }

  /// What is quantised: the input, or what normalises it, in the order in which C adds.
  Tensor entry(const Tensor& input) const {
    if (net_.entry == 0) return input;
    const ExportedNode& first = node(static_cast<size_t>(net_.entry));
    const auto *a = first.weights[0].data<float>(), *b = first.weights[1].data<float>();
    const int64_t channels = first.shape[2];
    const bool matrix = first.kind == NodeKind::linear;
    const Tensor out = Tensor::empty(input.shape(), DType::f32);
    for (int64_t j = 0; j < input.numel(); ++j) {
      const int64_t k = j % channels;
      const float* x = input.data<float>() + (j - k);
      float v = matrix ? b[k] : a[k] * x[k];
      for (int64_t c = 0; matrix && c < channels; ++c) v += a[k * channels + c] * x[c];
      out.data<float>()[j] = matrix ? v : v + b[k];
    }
    return out;
  }

  Tensor dequantised(size_t i) const {
    const Quantisation& q = net_.nodes[i].q;
    const Tensor y = Tensor::empty(batch(i), DType::f32);
    for (size_t j = 0; j < steps_[i].size(); ++j)
      y.data<float>()[j] = q.scale * static_cast<float>(steps_[i][j] - q.zero);
    return y;
  }

  void put(size_t i, int64_t q) { steps_[i].push_back(clamp_int8(q + net_.nodes[i].q.zero)); }

  void compute(size_t i) {
    if (net_.nodes[i].same_step) {
      steps_[i] = x(i);
      return;
    }
    steps_[i].reserve(static_cast<size_t>(batch(i).numel()));
    switch (node(i).kind) {
      case NodeKind::conv:
      case NodeKind::linear:
        return product(i);
      case NodeKind::affine:
        return affine(i);
      case NodeKind::weighted_sum:
      case NodeKind::add:
        return sum(i);
      case NodeKind::mul: {
        const Multiplier m = node_multiplier(net_, i);
        for (size_t j = 0; j < x(i).size(); ++j)
          put(i, round_shift(int64_t{(x(i)[j] - zero(i)) * (x(i, 1)[j] - zero(i, 1))} * m.factor,
                             m.shift));
        return;
      }
      case NodeKind::max_pool:
        return max_pool(i);
      case NodeKind::mean:
        return mean(i);
      case NodeKind::concat:
        return concat(i);
      case NodeKind::slice:
        return slice(i);
      default: {
        const std::vector<int8_t> table = function_table(net_, i);
        for (const int8_t q : x(i)) steps_[i].push_back(table[static_cast<size_t>(q + 128)]);
      }
    }
  }

  void product(size_t i) {
    const Int8Weight& w = net_.weight(i);
    const Tensor input = Tensor::empty(batch(from(i)), DType::f64);
    std::transform(x(i).begin(), x(i).end(), input.data<double>(),
                   [z = zero(i)](int8_t q) { return static_cast<double>(q - z); });
    const std::vector<double> weight(w.values.begin(), w.values.end()),
        bias(net_.nodes[i].bias.begin(), net_.nodes[i].bias.end());
    const auto channels = static_cast<int64_t>(bias.size());
    Tape tape(context_, Tape::Mode::no_grad);
    const Var in = tape.constant(input),
              taps = tape.constant(Tensor::from(node(i).weights[0].shape(), weight, DType::f64)),
              shift = tape.constant(Tensor::from({channels}, bias, DType::f64));
    const Tensor sums = (node(i).kind == NodeKind::conv ? conv2d(in, taps, shift, node(i).conv)
                                                        : linear(in, taps, shift))
                            .value();
    const auto* sum = sums.data<double>();
    if (net_.nodes[i].f32) {
      const std::vector<float> scales = product_scales(net_, i);
      values_[i] = Tensor::empty(batch(i), DType::f32);
      for (int64_t j = 0; j < sums.numel(); ++j)
        values_[i].data<float>()[j] =
            static_cast<float>(sum[j]) * scales[static_cast<size_t>(j % channels)];
      return;
    }
    const std::vector<Multiplier> m = product_multipliers(net_, i);
    for (int64_t j = 0; j < sums.numel(); ++j) {
      const Multiplier& by = m[static_cast<size_t>(j % channels)];
      put(i, round_shift(static_cast<int64_t>(sum[j]) * by.factor, by.shift));
    }
  }

  void affine(size_t i) {
    const Multipliers m = sum_multipliers(net_, i);
    for (size_t j = 0; j < x(i).size(); ++j) {
      const size_t c = j % m.factors.size();
      put(i, round_shift(int64_t{x(i)[j] - zero(i)} * m.factors[c] + m.offsets[c], m.shift));
    }
  }

  void sum(size_t i) {
    const Multipliers m = sum_multipliers(net_, i);
    for (size_t j = 0; j < x(i).size(); ++j) {
      int64_t all = 0;
      for (size_t t = 0; t < m.factors.size(); ++t)
        all += int64_t{x(i, t)[j] - zero(i, t)} * m.factors[t];
      put(i, round_shift(all, m.shift));
    }
  }

  void max_pool(size_t i) {
    const Shape &in = node(from(i)).shape, &out = node(i).shape;
    const PoolOptions& o = node(i).pool;
    for (int64_t n = 0; n < n_; ++n)
      for (int64_t p = 0; p < out[0]; ++p)
        for (int64_t q = 0; q < out[1]; ++q)
          for (int64_t c = 0; c < out[2]; ++c) {
            int8_t most = -128;
            const int64_t h0 = p * o.stride - o.padding, w0 = q * o.stride - o.padding;
            for (int64_t h = std::max<int64_t>(h0, 0); h < std::min(h0 + o.kernel, in[0]); ++h)
              for (int64_t w = std::max<int64_t>(w0, 0); w < std::min(w0 + o.kernel, in[1]); ++w)
                most = std::max(
                    most, x(i)[static_cast<size_t>(((n * in[0] + h) * in[1] + w) * in[2] + c)]);
            steps_[i].push_back(most);
          }
  }

  void mean(size_t i) {
    const Shape& in = node(from(i)).shape;
    const Multiplier m = node_multiplier(net_, i);
    const int64_t pixels = in[0] * in[1];
    for (int64_t n = 0; n < n_; ++n)
      for (int64_t c = 0; c < in[2]; ++c) {
        int64_t all = 0;
        for (int64_t p = 0; p < pixels; ++p)
          all += x(i)[static_cast<size_t>((n * pixels + p) * in[2] + c)] - zero(i);
        put(i, round_shift(all * m.factor, m.shift));
      }
  }

  void concat(size_t i) {
    const Multipliers m = sum_multipliers(net_, i);
    const int64_t pixels = n_ * node(i).shape[0] * node(i).shape[1];
    for (int64_t p = 0; p < pixels; ++p)
      for (size_t t = 0; t < m.factors.size(); ++t) {
        const int64_t channels = node(from(i, t)).shape[2];
        for (int64_t c = 0; c < channels; ++c)
          put(i, round_shift(int64_t{x(i, t)[static_cast<size_t>(p * channels + c)] - zero(i, t)} *
                                 m.factors[t],
                             m.shift));
      }
  }

  void slice(size_t i) {
    const int64_t in = node(from(i)).shape[2], out = node(i).shape[2];
    for (int64_t p = 0; p < n_ * node(i).shape[0] * node(i).shape[1]; ++p)
      for (int64_t c = 0; c < out; ++c)
        steps_[i].push_back(x(i)[static_cast<size_t>(p * in + node(i).begin + c)]);
  }

  const AnyContext& context_;
  const Int8Network& net_;
  int64_t n_;
  std::vector<Steps> steps_;    ///< of nodes that are int8, [N, H, W, C]
  std::vector<Tensor> values_;  ///< of those that are f32
};

}  // namespace

std::vector<Tensor> run_int8(const AnyContext& context, const Int8Network& network,
                             const Tensor& input) {
  return Emulation(context, network, input).outputs();
}

}  // namespace weft
