// Means of cosines over lines.
#include "train/run_folder/conflict.h"

#include <algorithm>

#include "train/run_folder/run_record.h"

namespace weft {
namespace {

struct Average {
  double sum = 0;
  int64_t count = 0;
  void add(double x) {
    sum += x;
    ++count;
  }
  Measure value() const {
    return count > 0 ? Measure(sum / static_cast<double>(count)) : Measure();
  }
};

}  // namespace

Conflict conflict_of(const std::vector<BalanceLine>& lines, size_t tasks) {
  Conflict out;
  std::vector<std::vector<Average>> means;
  Average all;
  const auto place_of = [&](const std::string& stage) {
    const auto found = std::find(out.stages.begin(), out.stages.end(), stage);
    if (found != out.stages.end()) return static_cast<size_t>(found - out.stages.begin());
    // A stage that a later step shares first goes before the last, which is of all of them.
    const bool last = !out.stages.empty() && out.stages.back() == "all";
    const auto at = static_cast<std::ptrdiff_t>(out.stages.size() - (last ? 1 : 0));
    out.stages.insert(out.stages.begin() + at, stage);
    means.insert(means.begin() + at, std::vector<Average>(tasks * tasks));
    return static_cast<size_t>(at);
  };
  for (const BalanceLine& line : lines) {
    const std::vector<size_t>& present = line.record.tasks;
    for (const BalanceRecord::Stage& stage : line.record.stages) {
      const size_t place = place_of(stage.name);
      for (size_t i = 0; i < present.size(); ++i)
        for (size_t j = 0; j < present.size(); ++j) {
          if (i == j || stage.norms[i] == 0 || stage.norms[j] == 0) continue;
          const double cosine = stage.cosines[i * present.size() + j];
          means[place][present[i] * tasks + present[j]].add(cosine);
          if (i < j && stage.name == "all") all.add(cosine);
        }
    }
  }
  for (const auto& stage : means) {
    std::vector<Measure>& values = out.cosines.emplace_back();
    for (const Average& mean : stage) values.push_back(mean.value());
  }
  out.mean = all.value();
  return out;
}

Measure mean_cosine(const std::string& folder, const std::vector<std::string>& tasks) {
  const std::string path = folder + "/balance.jsonl";
  if (!is_there(path)) return {};
  return conflict_of(read_balance(path, tasks), tasks.size()).mean;
}

}  // namespace weft
