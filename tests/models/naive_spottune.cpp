// The plain loops; see naive_spottune.h.
#include "tests/models/naive_spottune.h"

namespace weft::test {
namespace {

constexpr int blocks = 2 * stages;

/// Image n of u_0 a + u_1 b, with u [image].
Map mix(const Map& a, const Map& b, const std::vector<std::pair<Number, Number>>& u) {
  Map y(a.n, a.h, a.w, a.c);
  const size_t each = y.values.size() / u.size();
  for (size_t i = 0; i < y.values.size(); ++i)
    y.values[i] = u[i / each].first * a.values[i] + u[i / each].second * b.values[i];
  return y;
}

}  // namespace

size_t NaiveSpotTune::policies() const {
  return net_.options().share.decisions == PolicyOf::task ? net_.options().tasks.size() : 1;
}

Map NaiveSpotTune::conv_bias(const std::string& name, const Map& x, int64_t kernel,
                             int64_t stride) const {
  Map y = net_.conv(name, x, kernel, stride, kernel / 2, 1);
  const Numbers& bias = net_.get(name + ".bias");
  for (size_t i = 0; i < y.values.size(); ++i)
    y.values[i] = positive(y.values[i] + bias[i % bias.size()]);
  return y;
}

Numbers NaiveSpotTune::logits(const Map& image) const {
  const Map x = conv_bias(
      "sharing.policy.conv3",
      conv_bias("sharing.policy.conv2", conv_bias("sharing.policy.conv1", image, 7, 4), 3, 2), 3,
      2);
  const Numbers &w = net_.get("sharing.policy.fc.weight"), &b = net_.get("sharing.policy.fc.bias");
  Numbers out;
  for (int64_t n = 0; n < x.n; ++n) {
    Numbers mean(static_cast<size_t>(x.c));
    for (int64_t c = 0; c < x.c; ++c) {
      Number sum;
      for (int64_t r = 0; r < x.h; ++r)
        for (int64_t q = 0; q < x.w; ++q) sum = sum + x.at(n, r, q, c);
      mean[static_cast<size_t>(c)] = 1.0 / static_cast<double>(x.h * x.w) * sum;
    }
    for (size_t o = 0; o < b.size(); ++o) {
      Number z = b[o];
      for (size_t c = 0; c < mean.size(); ++c) z = z + w[o * mean.size() + c] * mean[c];
      out.push_back(z);
    }
  }
  return out;
}

Map NaiveSpotTune::by_running(const std::string& name, const Map& x, bool relu) const {
  Map y(x.n, x.h, x.w, x.c);
  const auto found = running_.find(name);
  for (size_t i = 0; i < y.values.size(); ++i) {
    const size_t c = i % static_cast<size_t>(x.c);
    const double mean = found == running_.end() ? 0 : found->second.first.at(c);
    const double var = found == running_.end() ? 1 : found->second.second.at(c);
    const Number v =
        1 / std::sqrt(var + 1e-5) * ((x.values[i] - Number{mean}) * net_.get(name + ".weight")[c]) +
        net_.get(name + ".bias")[c];
    y.values[i] = relu ? positive(v) : v;
  }
  return y;
}

Map NaiveSpotTune::block(const std::string& prefix, int l, const Map& x, bool running) const {
  constexpr int64_t strides[] = {1, 2, 1, 1}, dilations[] = {1, 1, 2, 4};
  const int64_t stride = l % 2 == 0 ? strides[l / 2] : 1, dilation = dilations[l / 2];
  const std::string name = fmt::format("{}layer{}.{}", prefix, l / 2 + 1, l % 2);
  if (!running) return net_.block(name, x, stride, dilation);
  const Map h =
      by_running(name + ".bn1", net_.conv(name + ".conv1", x, 3, stride, dilation, dilation), true);
  const Map f =
      by_running(name + ".bn2", net_.conv(name + ".conv2", h, 3, 1, dilation, dilation), false);
  const std::string down = name + ".downsample.";
  const Map r = net_.has(down + "0.weight")
                    ? by_running(down + "1", net_.conv(down + "0", x, 1, stride, 0, 1), false)
                    : x;
  return combine(f, r, [](const Number& a, const Number& b) { return positive(a + b); });
}

std::vector<Map> NaiveSpotTune::train(const Map& image, const Noise& noise) const {
  const Philox words(noise.seed, Stream::gumbel, noise.step, "sharing.policy");
  const double tau = net_.options().share.temperature;
  const Numbers z = logits(image);
  std::vector<Map> out;
  drawn_.assign(policies(), {});
  for (size_t v = 0; v < policies(); ++v) {
    Map x = net_.stem("", image);
    drawn_[v].assign(static_cast<size_t>(image.n), {});
    for (int l = 0; l < blocks; ++l) {
      std::vector<std::pair<Number, Number>> u;
      for (int64_t n = 0; n < image.n; ++n) {
        const size_t at =
            2 * ((static_cast<size_t>(n) * policies() + v) * blocks + static_cast<size_t>(l));
        const auto noisy = [&](size_t i) {
          return z.at(i) + Number{-std::log(-std::log(words.uniform(i)))};
        };
        const Number tuned = noisy(at), frozen = noisy(at + 1);
        const Number s = sigmoid(1 / tau * (tuned - frozen)),
                     t = sigmoid(1 / tau * (frozen - tuned));
        const bool takes = tuned.value >= frozen.value;
        drawn_[v][static_cast<size_t>(n)].push_back(takes);
        // Straight through: the value is 0 or 1, the derivative the soft sample's.
        u.emplace_back(Number{takes ? 1.0 : 0.0} + (s - Number{s.value}),
                       Number{takes ? 0.0 : 1.0} + (t - Number{t.value}));
      }
      x = mix(block("", l, x, false), block("sharing.frozen.", l, x, true), u);
    }
    out.push_back(x);
  }
  return out;
}

std::vector<Map> NaiveSpotTune::evaluate(
    const Map& image, const std::vector<std::vector<std::vector<uint8_t>>>& tuned) const {
  std::vector<Map> out;
  for (const auto& policy : tuned) {
    Map x = max_pool(by_running("bn1", net_.conv("conv1", image, 7, 2, 3, 1), true), 3, 2, 1);
    for (int l = 0; l < blocks; ++l) {
      std::vector<std::pair<Number, Number>> u;
      for (const auto& of_image : policy) {
        const bool takes = of_image.at(static_cast<size_t>(l)) != 0;
        u.emplace_back(Number{takes ? 1.0 : 0.0}, Number{takes ? 0.0 : 1.0});
      }
      x = mix(block("", l, x, true), block("sharing.frozen.", l, x, true), u);
    }
    out.push_back(x);
  }
  return out;
}

}  // namespace weft::test
