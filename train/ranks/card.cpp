// Which of its host's cards a rank computes on: CUDA shows it that one.
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "train/ranks/job.h"

namespace weft {

std::string card_of(HostRank here, const char* visible) {
  if (visible == nullptr) return std::to_string(here.rank);
  std::vector<std::string> names;
  std::istringstream list(visible);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  if (names.size() == 1) return names[0];  // a starter may have given each rank its own
  return static_cast<size_t>(here.rank) < names.size() ? names[static_cast<size_t>(here.rank)]
                                                       : "-1";
}

void take_card() {
  const std::string card = card_of(started_here(), std::getenv("CUDA_VISIBLE_DEVICES"));
  setenv("CUDA_VISIBLE_DEVICES", card.c_str(), 1);
}

}  // namespace weft
