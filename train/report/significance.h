// Methods against a chosen one of them: mean ± standard deviation over seeds, and by the paired t-test
// (train/study/paired_test.h) whether the difference is more than the seeds' noise. The row to compare
// with is chosen in the page; without a script and in print the first choice stands there.
#pragma once

#include <string>
#include <vector>

#include "train/run_folder/summary.h"

namespace weft {

struct Compared {
  std::string name;
  std::vector<RunSummary> runs;  ///< each of a seed of its own
};

/// HTML for a Page. `id`: unlike any other in the page; `against`: a name, or empty for the first.
/// Empty where no two rows have two seeds in common. ConfigError where `against` is no row.
std::string significance(const std::string& id, const std::vector<Compared>& rows,
                         const std::string& against);

}  // namespace weft
