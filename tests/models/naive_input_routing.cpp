// The plain loops; see naive_input_routing.h.
#include "tests/models/naive_input_routing.h"

#include <algorithm>

#include "engine/philox.h"

namespace weft::test {
namespace {

constexpr int blocks = 2 * stages;

Number exponential(const Number& a) {
  const double e = std::exp(a.value);
  return record(e, a, e);
}

}  // namespace

std::vector<Map> NaiveInputRouting::train(const Map& image, const Noise& noise) const {
  const Philox words(noise.seed, Stream::gumbel, noise.step, "sharing.policy");
  const double tau = net_.options().share.temperature;
  const auto functions = static_cast<size_t>(net_.options().share.functions);
  const Numbers z = logits(image);
  std::vector<Map> out;
  drawn_.assign(policies(), std::vector<std::vector<uint8_t>>(static_cast<size_t>(image.n)));
  for (size_t v = 0; v < policies(); ++v) {
    Map x = net_.stem("", image);
    for (int l = 0; l < blocks; ++l) {
      std::vector<Numbers> u;  // [image][function]
      for (size_t n = 0; n < static_cast<size_t>(image.n); ++n) {
        const size_t at = functions * ((n * policies() + v) * blocks + static_cast<size_t>(l));
        Numbers noisy;
        for (size_t m = 0; m < functions; ++m)
          noisy.push_back(z.at(at + m) + Number{-std::log(-std::log(words.uniform(at + m)))});
        size_t best = 0;
        for (size_t m = 1; m < functions; ++m)
          if (noisy[m].value > noisy[best].value) best = m;
        drawn_[v][n].push_back(static_cast<uint8_t>(best + 1));
        u.emplace_back();
        for (size_t m = 0; m < functions; ++m) {
          Number total;
          for (size_t j = 0; j < functions; ++j)
            total = total + exponential(1 / tau * (noisy[j] - noisy[m]));
          const Number soft = inverse(total);
          // Straight through: the value is 0 or 1, the derivative the soft sample's.
          u.back().push_back(Number{m == best ? 1.0 : 0.0} + (soft - Number{soft.value}));
        }
      }
      Map y(0, 0, 0, 0);
      for (size_t m = 0; m < functions; ++m) {
        const Map f = block("", l, x, false, static_cast<int>(m) + 1);
        if (m == 0) y = Map(f.n, f.h, f.w, f.c);
        const size_t each = f.values.size() / u.size();
        for (size_t i = 0; i < f.values.size(); ++i)
          y.values[i] = y.values[i] + u[i / each][m] * f.values[i];
      }
      x = y;
    }
    out.push_back(x);
  }
  return out;
}

std::vector<Map> NaiveInputRouting::evaluate(const Map& image, const Decisions& routes) const {
  std::vector<Map> out;
  for (const auto& policy : routes) {
    std::vector<Map> rows;
    for (size_t n = 0; n < policy.size(); ++n) {
      Map x = stem_by_running(images_of(image, {n}));
      for (int l = 0; l < blocks; ++l)
        x = block("", l, x, true, policy[n].at(static_cast<size_t>(l)));
      rows.push_back(x);
    }
    Map all(image.n, rows[0].h, rows[0].w, rows[0].c);
    auto to = all.values.begin();
    for (const Map& row : rows) to = std::copy(row.values.begin(), row.values.end(), to);
    out.push_back(all);
  }
  return out;
}

}  // namespace weft::test
