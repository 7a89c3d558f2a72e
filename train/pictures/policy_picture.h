// A learned policy as SVG: what each task executes, how sure it is, how it came about, and what of it
// is computed once for several tasks.
#pragma once

#include <string>
#include <vector>

namespace weft {

/// Rows are tasks, columns blocks; the shade is the probability, which is called `name`, a mark says
/// what was drawn (none where `select` is empty); `functions`: that is which function block a task takes.
std::string draw_policy(const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks,
                        const std::vector<std::vector<double>>& probability,
                        const std::vector<std::vector<int>>& select,
                        const std::string& name = "p(select)", bool functions = false);

/// One strip a task: blocks downwards, policy epochs to the right, shade = the probability.
/// history[epoch][task][block].
std::string draw_history(const std::vector<std::string>& tasks,
                         const std::vector<std::string>& blocks,
                         const std::vector<std::vector<std::vector<double>>>& history,
                         const std::string& name = "p(select)", bool functions = false);

/// What a block is to one task: skipped, executed, or a mixture of both while the policy is learned.
enum class BlockUse { skip, run, mix };

struct PlannedBlock {
  std::string name;
  double mmac = 0;                     ///< of one run
  std::vector<BlockUse> uses;          ///< by task
  std::vector<std::vector<int>> runs;  ///< tasks whose values one run computes
};

/// Columns are blocks, a lane a task; lanes that one run serves are joined and have one colour.
std::string draw_plan(const std::string& title, const std::vector<std::string>& tasks,
                      const std::vector<PlannedBlock>& blocks);

}  // namespace weft
