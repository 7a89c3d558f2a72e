// ExcessMTL (He et al., Robust Multi-Task Learning with Excess Risks, ICML 2024, arXiv 2402.02009,
// algorithm 1): weight goes to the tasks that are far from their own optimum, not to those whose
// labels are noisy.
//   S_i += g_i^2 elementwise    e_i = sum_p g_ip^2 / sqrt(S_ip + 1e-7), by AdaGrad's curvature
//   w_i <- w_i exp(rate e_i / e_i(first)) / sum,  w starts at 1 / K
// e_i(first) makes risks of different units comparable; TorchJD's first step, without a warm-up,
// takes the raw risk instead. The sum over elements is AdaGrad's, so it is no function of the
// losses or of G. Over the tasks present: their weights keep the sum that they had. Result times K,
// so that equal weights are 1. State: w and first risks, K numbers, and S, K x P.
#include <cmath>

#include "engine/reduce_tree.h"
#include "models/balance/gram/two_batches.h"
#include "models/balance/losses/loss_means.h"

namespace weft::balance {

template <class T>
double excess_risk(std::span<const T> g, std::span<T> squares) {
  const size_t chunk = static_cast<size_t>(sum_chunk);
  Vector parts;
  for (size_t begin = 0; begin < g.size(); begin += chunk) {
    double total = 0;
    for (size_t p = begin; p < std::min(begin + chunk, g.size()); ++p) {
      const double square = static_cast<double>(g[p]) * static_cast<double>(g[p]);
      squares[p] = static_cast<T>(static_cast<double>(squares[p]) + square);
      total += square / std::sqrt(static_cast<double>(squares[p]) + 1e-7);
    }
    parts.push_back(total);
  }
  if (parts.empty()) return 0;
  combine_pairwise(parts.data(), static_cast<int64_t>(parts.size()));
  return parts[0];
}

template double excess_risk(std::span<const float>, std::span<float>);
template double excess_risk(std::span<const double>, std::span<double>);

Weights excess_mtl(ExcessState& state, const std::vector<size_t>& tasks, const Vector& risks,
                   double rate) {
  const size_t m = tasks.size();
  const double all = static_cast<double>(state.w.size());
  Vector share = share_of(state.w, tasks);
  Weights out;
  for (size_t i = 0; i < m; ++i) {
    double& first = state.first[tasks[i]];
    if (state.known[tasks[i]] == 0) first = risks[i], state.known[tasks[i]] = 1;
    // A task that began without any risk counts as at its optimum's distance of then.
    const double ratio = first > 0 ? risks[i] / first : 1;
    share[i] = std::log(std::max(share[i], 1e-300)) + rate * ratio;
  }
  note_where(out, m, "its first gradient was 0: its excess risk is taken as 1",
             [&](size_t i) { return state.first[tasks[i]] <= 0; });
  share = softmax(share);
  put_back(state.w, tasks, share);
  for (const size_t k : tasks) out.w.push_back(all * state.w[k]);
  return out;
}

namespace {

class ExcessMtl final : public Balance {
 public:
  explicit ExcessMtl(const BalanceOptions& options)
      : Balance("excess_mtl", options),
        learned_(options.tasks.size()),
        rate_(options.rate.value_or(1)) {
    require(rate_ > 0, "excess_mtl", "rate", rate_, "above 0");
  }
  std::string describe() const override {
    return fmt::format("excess_mtl: by excess risk, rate {}", rate_);
  }
  Needs needs() const override { return Needs::rows; }
  bool kept() const override { return true; }
  Vector absorb(const BalanceStep&, const BalanceRows<float>& rows) override { return risks(rows); }
  Vector absorb(const BalanceStep&, const BalanceRows<double>& rows) override {
    return risks(rows);
  }

 private:
  template <class T>
  static Vector risks(const BalanceRows<T>& rows) {
    Vector out;
    for (size_t i = 0; i < rows.g.size(); ++i)
      out.push_back(excess_risk(std::span<const T>(rows.g[i]), rows.kept[i]));
    return out;
  }
  std::vector<Weights> compute(const BalanceStep& step) override {
    if (step.sums.size() != step.tasks.size())
      throw Error("balance: 'excess_mtl' needs the sums of absorb()");
    return {excess_mtl(learned_, step.tasks, step.sums, rate_)};
  }
  std::vector<std::pair<std::string, Vector*>> fields() override {
    return {{"w", &learned_.w}, {"first", &learned_.first}, {"known", &learned_.known}};
  }
  ExcessState learned_;
  double rate_;
};

}  // namespace

Made make_excess_mtl(const BalanceOptions& options) { return std::make_unique<ExcessMtl>(options); }

}  // namespace weft::balance
