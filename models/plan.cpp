// make_plan: one pass over the blocks, splitting groups where tasks' gates part their ways.
#include "models/plan.h"

#include <algorithm>

namespace weft {

Gates all_selected(int tasks, int blocks) {
  const Gate whole{Gate::Kind::select, all_channels};
  return Gates(static_cast<size_t>(tasks), std::vector<Gate>(static_cast<size_t>(blocks), whole));
}

Gates gates_from(const std::vector<std::vector<int>>& select) {
  Gates gates;
  for (const auto& row : select) {
    auto& task = gates.emplace_back();
    for (int s : row) task.push_back({s != 0 ? Gate::Kind::select : Gate::Kind::skip, s});
  }
  return gates;
}

Groups BlockPlan::run_tasks() const {
  // A task that skips the block would not have run F in a pass of its own.
  Groups groups(run.size());
  for (const PlanRow& row : rows)
    if (row.f >= 0)
      groups[static_cast<size_t>(row.f)].insert(groups[static_cast<size_t>(row.f)].end(),
                                                row.tasks.begin(), row.tasks.end());
  for (auto& tasks : groups) std::sort(tasks.begin(), tasks.end());
  return groups;
}

Plan make_plan(const Gates& gates, bool separate_inputs, const MayShare& may_share) {
  const int tasks = static_cast<int>(gates.size());
  const size_t blocks = gates.empty() ? 0 : gates[0].size();
  const auto together = [&](size_t l, int a, int b) {
    return !separate_inputs && (!may_share || may_share(l, a, b));
  };
  Groups groups;
  for (int k = 0; k < tasks; ++k) {
    const auto found = std::find_if(groups.begin(), groups.end(), [&](const std::vector<int>& g) {
      return together(0, g[0], k);
    });
    if (found != groups.end())
      found->push_back(k);
    else
      groups.push_back({k});
  }
  Plan plan;
  for (size_t l = 0; l < blocks; ++l) {
    BlockPlan block;
    block.in = groups;
    for (size_t g = 0; g < groups.size(); ++g) {
      std::vector<PlanRow> rows;
      for (int task : groups[g]) {
        const Gate gate = gates[static_cast<size_t>(task)][l];
        // Soft samples differ from task to task; equal hard gates of one input stay one value.
        const auto same = std::find_if(rows.begin(), rows.end(), [&](const PlanRow& row) {
          return gate.kind != Gate::Kind::soft && row.gate == gate &&
                 together(l + 1, row.tasks[0], task);
        });
        if (same != rows.end())
          same->tasks.push_back(task);
        else
          rows.push_back({-1, static_cast<int>(g), gate, {task}});
      }
      // F runs once for all rows of this input that execute as much of it.
      const auto first = static_cast<std::ptrdiff_t>(block.run.size());
      for (PlanRow& row : rows) {
        if (row.gate.kind == Gate::Kind::skip) continue;
        const auto same =
            std::find(block.levels.begin() + first, block.levels.end(), row.gate.level);
        row.f = static_cast<int>(same - block.levels.begin());
        if (same != block.levels.end()) continue;
        block.run.push_back(static_cast<int>(g));
        block.levels.push_back(row.gate.level);
      }
      block.rows.insert(block.rows.end(), rows.begin(), rows.end());
    }
    std::sort(block.rows.begin(), block.rows.end(),
              [](const PlanRow& a, const PlanRow& b) { return a.tasks[0] < b.tasks[0]; });
    groups.clear();
    for (const PlanRow& row : block.rows) groups.push_back(row.tasks);
    plan.blocks.push_back(std::move(block));
  }
  plan.out = groups;
  return plan;
}

int Plan::runs() const {
  int n = 0;
  for (const BlockPlan& block : blocks) n += static_cast<int>(block.run.size());
  return n;
}

Macs Plan::macs(const TrunkCost& cost, bool by_task) const {
  const auto times = [&](const Groups& groups) {
    size_t n = by_task ? 0 : groups.size();
    for (const std::vector<int>& group : groups) n += by_task ? group.size() : 0;
    return static_cast<int64_t>(n);
  };
  Macs total = cost.stem * times(blocks.empty() ? out : blocks[0].in);
  for (size_t l = 0; l < blocks.size(); ++l) {
    const Groups run = blocks[l].run_tasks();
    for (size_t i = 0; i < run.size(); ++i)
      total += cost.residual_at(l, blocks[l].levels[i]) * times({run[i]});
    total += cost.shortcut[l] * times(blocks[l].in);
  }
  return total;
}

std::string describe(const Plan& plan, const Trunk& trunk, const TrunkCost& cost,
                     const std::vector<std::string>& tasks) {
  const auto names = [&](const std::vector<int>& group) {
    std::vector<std::string> list;
    for (int k : group) list.push_back(tasks[static_cast<size_t>(k)]);
    return fmt::format("{{{}}}", fmt::join(list, " "));
  };
  std::string text = fmt::format("{:<12} {:>10} {:>5}  {}\n", "block", "MMAC/run", "runs",
                                 "groups of tasks with one input: what they do");
  for (size_t l = 0; l < plan.blocks.size(); ++l) {
    const BlockPlan& block = plan.blocks[l];
    std::vector<std::string> rows;
    for (const PlanRow& row : block.rows) {
      const char* what = row.gate.kind == Gate::Kind::select ? "run"
                         : row.gate.kind == Gate::Kind::skip ? "skip"
                                                             : "mix";
      rows.push_back(fmt::format("{} {}", names(row.tasks), what));
      if (row.f >= 0 && !cost.levels.empty())
        rows.back() +=
            fmt::format(" {:.0f}%", 100 * level_shares.at(static_cast<size_t>(row.gate.level)));
      if (row.f >= 0 && !cost.functions.empty() && cost.functions[l].count > 1)
        rows.back() += fmt::format(" f{}", row.gate.level);
    }
    text += fmt::format("{:<12} {:>10.2f} {:>5}  {}\n", trunk.block_name(static_cast<int>(l)),
                        static_cast<double>(cost.residual[l].dense) * 1e-6, block.run.size(),
                        fmt::join(rows, ", "));
  }
  const Macs planned = plan.macs(cost);
  Macs naive = cost.stem;
  for (size_t l = 0; l < plan.blocks.size(); ++l) {
    naive += cost.residual[l];
    naive += cost.shortcut[l];
  }
  naive = naive * static_cast<int64_t>(tasks.size());
  text += fmt::format(
      "trunk, GFLOP an image: {:.3f} planned, {:.3f} in {} passes that run every block ({:.2f}x); "
      "{:.3f} without taps that see only padding\n",
      2e-9 * static_cast<double>(planned.dense), 2e-9 * static_cast<double>(naive.dense),
      tasks.size(), static_cast<double>(naive.dense) / static_cast<double>(planned.dense),
      2e-9 * static_cast<double>(planned.useful));
  return text;
}

}  // namespace weft
