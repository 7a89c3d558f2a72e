// Names of cards; see gpus.h.
#include "train/cli/gpus.h"

#include <algorithm>
#include <sstream>

#include "engine/error.h"

namespace weft::cli {

std::vector<std::string> gpu_names(int count, const char* visible, int cards) {
  std::vector<std::string> names;
  if (visible == nullptr && count > cards)
    throw ConfigError(fmt::format("--gpus {}: this machine shows {}; lower it", count, cards));
  if (visible == nullptr) {
    for (int i = 0; i < count; ++i) names.push_back(fmt::to_string(i));
    return names;
  }
  std::istringstream list(visible);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  const int shown = std::min(cards, static_cast<int>(names.size()));
  if (shown < count)
    throw ConfigError(
        fmt::format("--gpus {}: CUDA_VISIBLE_DEVICES is \"{}\", which shows {}; lower the one or "
                    "unset the other",
                    count, visible, shown));
  names.resize(static_cast<size_t>(count));
  return names;
}

std::vector<std::string> shared_out(const std::vector<std::string>& cards, int rank, int ranks) {
  std::vector<std::string> out;
  for (size_t i = 0; i < cards.size(); ++i)
    if (i % static_cast<size_t>(ranks) == static_cast<size_t>(rank)) out.push_back(cards[i]);
  if (out.empty() && !cards.empty()) out.push_back(cards[static_cast<size_t>(rank) % cards.size()]);
  return out;
}

size_t idlest(const std::vector<size_t>& load) {
  return static_cast<size_t>(std::min_element(load.begin(), load.end()) - load.begin());
}

}  // namespace weft::cli
