// GradDrop (Chen et al., Just Pick a Sign, NeurIPS 2020, arXiv 2010.06808, algorithm 1): element by
// element one sign is drawn, the likelier the purer, and gradients of the other are dropped.
//   P = (1 + sum_i g_i / sum_i |g_i|) / 2      U ~ uniform(0, 1)
//   M_i = [P > U] [g_i > 0] + [P < U] [g_i < 0]      d = sum_i (leak + (1 - leak) M_i) g_i
// The paper applies it to gradients at a shared representation; here it is applied to those of the
// shared parameters, since under a policy or cross-stitch no tensor is "the" representation. No
// function of G. U: Philox (seed, balance, step, parameter's name), one word an element: the same
// on any thread.
#include <cmath>

#include "models/balance/rows/elementwise.h"

namespace weft::balance {

template <class T>
void graddrop(const Rows<const T>& g, const Philox& noise, uint64_t first, double leak,
              std::span<T> out) {
  for (size_t p = 0; p < out.size(); ++p) {
    double total = 0, size = 0;
    for (const auto& row : g) {
      total += static_cast<double>(row[p]);
      size += std::abs(static_cast<double>(row[p]));
    }
    const double purity = size > 0 ? (1 + total / size) / 2 : 0.5;
    const double u = noise.uniform(first + p);
    double d = 0;
    for (const auto& row : g) {
      const double x = static_cast<double>(row[p]);
      const bool keep = (purity > u && x > 0) || (purity < u && x < 0);
      d += keep ? x : leak * x;
    }
    out[p] = static_cast<T>(d);
  }
}

template void graddrop(const Rows<const float>&, const Philox&, uint64_t, double, std::span<float>);
template void graddrop(const Rows<const double>&, const Philox&, uint64_t, double,
                       std::span<double>);

Made make_graddrop(const BalanceOptions& options) {
  require(options.leak >= 0 && options.leak <= 1, "graddrop", "leak", options.leak,
          "between 0 and 1");
  return by_elements(
      "graddrop", options,
      fmt::format("graddrop: one sign an element, drawn, leak {}", options.leak),
      [](const BalanceOptions& o, const BalanceStep& step, const auto& rows, auto out) {
        const Philox noise(step.noise.seed, Stream::balance, step.noise.step, rows.name);
        graddrop(to_read(rows.g), noise, rows.first, o.leak, out);
      });
}

}  // namespace weft::balance
