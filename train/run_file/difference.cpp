// Both printed with every key resolved, so that order and comments do not count.
#include "train/run_file/difference.h"

#include <sstream>

namespace weft {

std::optional<std::pair<std::string, std::string>> first_difference(const RunFile& a,
                                                                    const RunFile& b) {
  std::istringstream of_a(print_run_file(a)), of_b(print_run_file(b));
  for (std::string line_a, line_b; true;) {
    const bool more_a = !!std::getline(of_a, line_a), more_b = !!std::getline(of_b, line_b);
    if (!more_a && !more_b) return std::nullopt;
    if (more_a && more_b && line_a == line_b) continue;
    return std::pair(more_a ? line_a : "", more_b ? line_b : "");
  }
}

}  // namespace weft
