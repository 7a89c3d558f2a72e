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

std::vector<Map> NaiveSpotTune::evaluate(const Map& image, const Decisions& tuned) const {
  std::vector<Map> out;
  for (const auto& policy : tuned) {
    Map x = stem_by_running(image);
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
