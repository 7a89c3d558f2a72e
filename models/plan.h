// The plan of a multi-task step: K task policies become the least work that gives the same numbers
// as K separate passes. At every block, tasks whose input is the same value form one group; F runs
// once per group that needs it, all groups stacked on N, batch norm statistics per group; then
// each task combines f and r by its own gate. Blocks that nobody selects and no logit needs do not
// run. (docs/architecture.md section 5; docs/method.md section 2.2 for the gate.)
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/channel_levels.h"
#include "models/trunk.h"

namespace weft {

/// One task's decision at one block, as far as it is known before the step runs.
struct Gate {
  enum class Kind {
    select,  ///< p = [1, 0] exactly: x' = f
    skip,    ///< p = [0, 1] exactly: x' = r, F is not needed
    soft     ///< p is a value on the tape (a soft sample, or a straight-through one)
  };
  Kind kind = Kind::select;
  int level = 1;  ///< of nested blocks: how much of F a task executes
  bool operator==(const Gate& other) const {
    return kind == other.kind && (kind == Kind::skip || level == other.level);
  }
};

/// gates[task][block].
using Gates = std::vector<std::vector<Gate>>;
/// Every task executes every block: hard sharing.
Gates all_selected(int tasks, int blocks);
/// select[task][block] != 0 executes the block; it is the level of a nested one.
Gates gates_from(const std::vector<std::vector<int>>& select);

struct PlanRow {
  int f = -1;  ///< position in BlockPlan::run; -1: f is not used
  int r = 0;   ///< input group
  Gate gate;
  std::vector<int> tasks;  ///< one task where the gate is soft
};

struct BlockPlan {
  Groups in;                  ///< tasks of each input group, in stacking order
  std::vector<int> run;       ///< input groups on which F runs,
  std::vector<int> levels;    ///< and each one's level
  std::vector<PlanRow> rows;  ///< output groups
  Groups run_tasks() const;   ///< tasks of each group in `run`, as naive passes would run F
};

struct Plan {
  std::vector<BlockPlan> blocks;
  Groups out;  ///< tasks of each group after the last block

  /// Blocks times groups on which F runs, and what K naive passes would run.
  int runs() const;
  /// MACs an image of trunk under this plan; `inputs` groups go through the stem.
  /// `by_task`: each counted for every task whose loss comes back through it, as a pass back does
  /// that keeps tasks apart (engine/joint_backward.h).
  Macs macs(const TrunkCost& cost, bool by_task = false) const;
};

/// Whether tasks a and b, where their values are the same, may be one group as block l's input
/// (l = blocks: as the output); once apart they stay apart.
using MayShare = std::function<bool(size_t l, int a, int b)>;

/// `separate_inputs`: every task brings its own images (DomainNet), so nothing is shared by value.
/// `may_share`, where given, keeps tasks apart whose batch norm differs in evaluation.
Plan make_plan(const Gates& gates, bool separate_inputs = false, const MayShare& may_share = {});

/// A table for people: block, groups, what runs, MACs; then planned against naive.
std::string describe(const Plan& plan, const Trunk& trunk, const TrunkCost& cost,
                     const std::vector<std::string>& tasks);

}  // namespace weft
