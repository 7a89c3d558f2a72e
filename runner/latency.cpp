// Latency: every pass is kept, 8 bytes a column.
#include "runner/latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace weft::runner {

double quantile(std::vector<double> numbers, double share) {
  if (numbers.empty()) return 0;
  const auto wanted = static_cast<size_t>(std::ceil(share * static_cast<double>(numbers.size())));
  const size_t at = std::clamp<size_t>(wanted, 1, numbers.size()) - 1;
  std::nth_element(numbers.begin(), numbers.begin() + static_cast<int64_t>(at), numbers.end());
  return numbers[at];
}

Latency::Latency(std::vector<std::string> names)
    : names_(std::move(names)), seconds_(names_.size()) {}

void Latency::add(const std::vector<double>& seconds) {
  for (size_t i = 0; i < names_.size(); ++i) seconds_[i].push_back(seconds.at(i));
}

std::string Latency::table() const {
  std::string out = fmt::format("{:<24} {:>8} {:>11} {:>11} {:>11}\n", "milliseconds", "passes",
                                "least", "p50", "p99");
  for (size_t i = 0; i < names_.size(); ++i)
    out += fmt::format("{:<24} {:>8} {:>11.4f} {:>11.4f} {:>11.4f}\n", names_[i],
                       seconds_[i].size(), 1e3 * quantile(seconds_[i], 0),
                       1e3 * quantile(seconds_[i], 0.5), 1e3 * quantile(seconds_[i], 0.99));
  return out;
}

}  // namespace weft::runner
