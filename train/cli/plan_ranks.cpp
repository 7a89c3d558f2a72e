// The alpha-beta model of a step.
#include "train/cli/plan_ranks.h"

#include <cmath>

#include "train/step/step.h"

namespace weft::cli {
namespace {

/// What one kind of step sends.
struct Traffic {
  double gradients = 0;  ///< bytes that are summed
  double moments = 0;    ///< bytes of a sum of each batch norm, of all of them
  int64_t norms = 0;     ///< how many of these sums there are
  double total() const { return gradients + moments; }
};

Traffic traffic_of(Model& model, const RunFile& run, Phase phase) {
  set_trainable(model, phase);
  Traffic traffic;
  for (const Parameter& p : model.store().parameters())
    if (p.trainable) traffic.gradients += static_cast<double>(p.value.bytes());
  if (!run.model.bn_sync || run.model.bn_fixed) return traffic;
  for (const NamedStats& s : std::as_const(model.store()).stats()) {
    // Forward mean and squares, back the two sums of dx: f64 of each channel.
    traffic.moments +=
        2.0 * 2.0 * sizeof(double) * static_cast<double>(s.stats.running_mean.numel());
    traffic.norms += 2;
  }
  return traffic;
}

template <class Sum>
double step_of(Sum sum, int64_t ranks, const Traffic& traffic, const Network& network) {
  double seconds = sum(ranks, traffic.gradients, network);
  if (traffic.norms > 0)
    seconds += static_cast<double>(traffic.norms) *
               sum(ranks, traffic.moments / static_cast<double>(traffic.norms), network);
  return seconds;
}

std::string table(const Traffic& traffic, int64_t most, const Network& network, double step) {
  std::string out = fmt::format("{:>8} {:>12} {:>12}", "ranks", "ring ms", "tree ms");
  if (step > 0) out += fmt::format(" {:>12} {:>12}", "ring %", "tree %");
  out += "\n";
  for (int64_t ranks = 2;; ranks = std::min(2 * ranks, most)) {
    const double ring = step_of(ring_seconds, ranks, traffic, network);
    const double tree = step_of(tree_seconds, ranks, traffic, network);
    out += fmt::format("{:>8} {:>12.3f} {:>12.3f}", ranks, 1e3 * ring, 1e3 * tree);
    if (step > 0)
      out += fmt::format(" {:>12.1f} {:>12.1f}", 100 * step / (step + ring),
                         100 * step / (step + tree));
    out += "\n";
    if (ranks >= most) return out;
  }
}

}  // namespace

double ring_seconds(int64_t ranks, double bytes, const Network& network) {
  const auto others = static_cast<double>(ranks - 1);
  return 2 * others * network.latency_seconds +
         2 * others / static_cast<double>(ranks) * bytes / network.bytes_per_second;
}

double tree_seconds(int64_t ranks, double bytes, const Network& network) {
  if (ranks < 2) return 0;
  return 2 * std::ceil(std::log2(static_cast<double>(ranks))) * network.latency_seconds +
         2 * bytes / network.bytes_per_second;
}

std::string ranks_text(Model& model, const RunFile& run, int64_t ranks, const Network& network,
                       double step_seconds) {
  std::string out =
      fmt::format("\nranks at {:g} GB/s and {:g} us, nothing of it hidden behind the pass back:\n",
                  1e-9 * network.bytes_per_second, 1e6 * network.latency_seconds);
  const auto add = [&](const char* name, Phase phase) {
    const Traffic traffic = traffic_of(model, run, phase);
    out += fmt::format("{}: {:.3f} MB of gradients, {:.3f} MB in {} sums of batch norms\n", name,
                       1e-6 * traffic.gradients, 1e-6 * traffic.moments, traffic.norms);
    out += table(traffic, ranks, network, step_seconds);
  };
  add("a step of weights", Phase::warmup);
  if (model.policy() != nullptr) add("a step of logits", Phase::policy);
  return out;
}

}  // namespace weft::cli
