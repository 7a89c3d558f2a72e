// Sign agreement, the AND-mask of Parascandolo et al. (Learning Explanations that are Hard to Vary,
// ICLR 2021, arXiv 2009.00329) on tasks instead of environments: an element moves only
// where enough of the gradients have one sign.
//   d = sum_i g_i  where |mean_i sign(g_i)| >= threshold,  else 0        sign(0) = 0
// threshold 0 is the plain sum, 1 wants all; the default of 0.5 wants both of 2, all of 3, 4 of 5.
// Without noise and without state.
#include <cmath>

#include "models/balance/rows/elementwise.h"

namespace weft::balance {

template <class T>
void sign_agreement(const Rows<const T>& g, double threshold, std::span<T> out) {
  const double least = threshold * static_cast<double>(g.size());
  for (size_t p = 0; p < out.size(); ++p) {
    double total = 0;
    int signs = 0;
    for (const auto& row : g) {
      total += static_cast<double>(row[p]);
      signs += (row[p] > 0) - (row[p] < 0);
    }
    out[p] = std::abs(signs) >= least ? static_cast<T>(total) : T{0};
  }
}

template void sign_agreement(const Rows<const float>&, double, std::span<float>);
template void sign_agreement(const Rows<const double>&, double, std::span<double>);

Made make_sign_agreement(const BalanceOptions& options) {
  require(options.threshold >= 0 && options.threshold <= 1, "sign_agreement", "threshold",
          options.threshold, "between 0 and 1");
  return by_elements(
      "sign_agreement", options,
      fmt::format("sign_agreement: elements where |mean sign| >= {}", options.threshold),
      [](const BalanceOptions& o, const BalanceStep&, const auto& rows, auto out) {
        sign_agreement(to_read(rows.g), o.threshold, out);
      });
}

}  // namespace weft::balance
