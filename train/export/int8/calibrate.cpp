// Calibration: extremes and a sample of every value, then the cut.
#include "train/export/int8/calibrate.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "train/export/run_network.h"

namespace weft {
namespace {

constexpr int64_t sampled = 2048;         ///< values of a node, each time
constexpr size_t most_samples = 1 << 16;  ///< of a node in all

double squared_error(const Range& range, const std::vector<float>& sample) {
  const Quantisation q = quantisation_of(range.low, range.high);
  double sum = 0;
  for (const float v : sample) {
    const auto y = static_cast<double>(q.scale * static_cast<float>(quantise(v, q) - q.zero));
    sum += (y - static_cast<double>(v)) * (y - static_cast<double>(v));
  }
  return sum;
}

}  // namespace

Range best_range(const Range& all, const std::vector<float>& sample) {
  Range best = all;
  double least = squared_error(all, sample);
  for (int percent = 98; percent >= 20; percent -= 2) {
    const double most = std::max(-all.low, all.high) * percent / 100;
    const Range cut{std::max(all.low, -most), std::min(all.high, most)};
    const double error = squared_error(cut, sample);
    if (error >= least) continue;
    least = error;
    best = cut;
  }
  return best;
}

Calibration::Calibration(const ExportedNetwork& network)
    : network_(network), seen_(network.nodes.size()) {}

void Calibration::observe(const AnyContext& context, const Tensor& input) {
  const std::vector<Tensor> values = node_values(context, network_, input);
  for (size_t i = 0; i < values.size(); ++i) {
    Seen& seen = seen_[i];
    const auto* v = values[i].data<float>();
    const int64_t count = values[i].numel();
    const auto [low, high] = std::minmax_element(v, v + count);
    // A NaN hides from the extremes; a sum does not lose it.
    double sum = 0;
    for (int64_t j = 0; j < count; ++j) sum += static_cast<double>(v[j]);
    if (!std::isfinite(sum)) seen.all.high = HUGE_VAL;
    seen.all.low = std::min(seen.all.low, static_cast<double>(*low));
    seen.all.high = std::max(seen.all.high, static_cast<double>(*high));
    if (seen.sample.size() >= most_samples) continue;
    seen.sample.insert(seen.sample.end(), {*low, *high});
    // Scattered, so that all channels and rows are among them: a step prime to every count.
    for (int64_t j = 0; j < std::min(count, sampled); ++j)
      seen.sample.push_back(v[count <= sampled ? j : (j * int64_t{2654435761}) % count]);
  }
  any_ = true;
}

std::vector<Range> Calibration::ranges() const {
  if (!any_) throw Error("calibration: nothing was observed");
  std::vector<Range> out;
  for (const Seen& seen : seen_)
    out.push_back(std::isfinite(seen.all.low) && std::isfinite(seen.all.high)
                      ? best_range(seen.all, seen.sample)
                      : seen.all);
  return out;
}

}  // namespace weft
