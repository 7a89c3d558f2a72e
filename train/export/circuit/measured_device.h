// Whether a table is one of a device, by the names of its columns: the task's column is a current iX
// and one of the inputs a voltage vXY, so that the current flows from X to Y. Its voltages are the
// columns v + two letters that hang together with X by letters that they share: with vgs and vds, vbs
// is one, and vth and vov are not.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/learned.h"

namespace weft {

struct MeasuredDevice {
  std::vector<std::string> terminals;  ///< d g s b, c b e s, or as the columns have them
  std::string plus, minus;             ///< its current flows between
  std::map<std::string, std::pair<std::string, std::string>> voltages;  ///< columns: their ends
};

/// Nothing where it is none; ConfigError where its current is not said to be in A, or where two
/// voltages name different terminals that it may flow to.
std::optional<MeasuredDevice> measured_device(const LearnedFromData& learned, const TaskSpec& spec);

}  // namespace weft
