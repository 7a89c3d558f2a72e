// What a machine has and lacks for training, judged from facts alone (machine.h), with what to do.
#pragma once

#include <string>
#include <vector>

#include "train/cli/machine.h"

namespace weft::cli {

struct Finding {
  /// has: fine; note: trains without it, or with care; lacks: keeps a run on the CPU from working.
  enum class Kind : uint8_t { has, note, lacks };
  Kind kind = Kind::has;
  std::string subject;  ///< one word: "memory"
  std::string fact;
  std::string advice = {};  ///< what to do; empty of what is fine
};

/// One finding a subject, in the order that they are shown.
std::vector<Finding> diagnose(const Machine& machine);

}  // namespace weft::cli
