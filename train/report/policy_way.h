// How a policy came about: p(select), or what stands for it, of every task and block, the policy epoch chosen by a slider.
#pragma once

#include <string>
#include <vector>

#include "train/run_folder/run_folder.h"

namespace weft {

/// HTML for a Page, whose script moves it; its numbers are in percent. `id`: unlike any other in the
/// page; `name`: of the probability; `functions`: of the function block taken. Without a script the last epoch stands there. Empty where there was no search.
std::string policy_way(const std::string& id, const std::vector<std::string>& tasks,
                       const std::vector<std::string>& blocks,
                       const std::vector<SearchLine>& search, const std::string& name = "p(select)",
                       bool functions = false);

}  // namespace weft
