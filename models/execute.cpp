// run_trunk: block by block, the shortcut for every group, F for those that need it, then gates.
#include "models/execute.h"

#include <utility>

#include "engine/error.h"
#include "ops/concat.h"
#include "ops/gate.h"
#include "ops/slice.h"

namespace weft {
namespace {

bool counts_up(const std::vector<int>& indices) {
  for (size_t i = 1; i < indices.size(); ++i)
    if (indices[i] != indices[i - 1] + 1) return false;
  return true;
}

/// The chosen groups of a stack, in the given order.
Var take(const Var& x, const std::vector<int>& groups, size_t of, int64_t images) {
  if (groups.size() == of && counts_up(groups)) return x;
  if (counts_up(groups))
    return slice(x, 0, groups[0] * images, static_cast<int64_t>(groups.size()) * images);
  std::vector<Var> parts;
  for (int g : groups) parts.push_back(slice(x, 0, g * images, images));
  return concat(parts, 0);
}

/// A block's row of p [L', 2], which has the last L' of `blocks` blocks.
int row_of(const Var& p, int block, size_t blocks) {
  return block - static_cast<int>(blocks) + static_cast<int>(p.shape()[0]);
}

/// The gates of a block that all groups execute, each behind its own soft one; else empty.
std::vector<GroupGate> own_gates(const BlockPlan& block, int index, size_t blocks,
                                 const std::vector<Var>& p) {
  const size_t groups = block.in.size();
  std::vector<GroupGate> gates;
  if (block.run.size() != groups || block.rows.size() != groups || !counts_up(block.run)) return {};
  for (size_t g = 0; g < groups; ++g) {
    const PlanRow& row = block.rows[g];
    if (row.gate.kind != Gate::Kind::soft || row.f != static_cast<int>(g) ||
        row.r != static_cast<int>(g))
      return {};
    const Var& own = p.at(static_cast<size_t>(row.tasks[0]));
    gates.push_back({own, row_of(own, index, blocks)});
  }
  return gates;
}

}  // namespace

Var Features::of_task(int task) const {
  for (size_t g = 0; g < groups.size(); ++g)
    for (int k : groups[g])
      if (k == task) {
        const Var x = take(stacked, {static_cast<int>(g)}, groups.size(), images);
        return reach == nullptr ? x : mark_reach(x, reach, task);
      }
  throw Error("features: no such task");
}

Var repeat(const Var& x, int times) {
  return times == 1 ? x : concat(std::vector<Var>(static_cast<size_t>(times), x), 0);
}

Features run_trunk(Pass& pass, const Trunk& trunk, const Plan& plan, const std::vector<Var>& p,
                   const Var& images) {
  const size_t inputs = plan.blocks.empty() ? plan.out.size() : plan.blocks[0].in.size();
  if (images.shape().rank() != 4 || images.shape()[0] % static_cast<int64_t>(inputs) != 0)
    throw ShapeError(fmt::format("trunk: images must be [N, H, W, C] for each of {} inputs, are {}",
                                 inputs, images.shape()));
  const int64_t n = images.shape()[0] / static_cast<int64_t>(inputs);
  pass.groups = plan.blocks.empty() ? plan.out : plan.blocks[0].in;
  size_t tasks = 0;
  for (const auto& group : plan.out) tasks += group.size();
  if (tasks > 1) pass.reach = std::make_shared<Reach::element_type>(tasks);
  std::vector<Var> gates = p;
  for (size_t k = 0; k < gates.size() && tasks > 1; ++k)
    if (gates[k].needs_grad())
      gates[k] = where_reached(gates[k], pass.reach, {static_cast<int>(k)});
  Var x = trunk.stem(pass, images);
  for (size_t l = 0; l < plan.blocks.size(); ++l) {
    const BlockPlan& block = plan.blocks[l];
    const int index = static_cast<int>(l);
    pass.groups = block.in;
    const Var r = trunk.shortcut(pass, index, x);
    pass.groups = block.run_tasks();
    if (const auto own = own_gates(block, index, plan.blocks.size(), gates); !own.empty())
      if (const auto y = trunk.gated(pass, index, x, r, own)) {
        x = *y;
        continue;
      }
    Var f;
    if (!block.run.empty()) {
      pass.groups = block.run_tasks();
      f = trunk.residual_at(pass, index, take(x, block.run, block.in.size(), n),
                            take(r, block.run, block.in.size(), n), block.levels);
    }
    std::vector<GateRow> rows;
    for (const PlanRow& row : block.rows) {
      GateRow out{.f_group = row.f, .r_group = row.r, .row = index};
      if (row.gate.kind == Gate::Kind::soft) {
        out.p = gates.at(static_cast<size_t>(row.tasks[0]));
        out.row = row_of(out.p, index, plan.blocks.size());
      }
      out.select = row.gate.kind == Gate::Kind::select ? 1.0 : 0.0;
      out.skip = 1.0 - out.select;
      rows.push_back(out);
    }
    const LayerScope scope(trunk.block_name(index));
    x = gate(f, r, rows, n);
  }
  pass.groups = plan.out;
  return {x, plan.out, n, std::exchange(pass.reach, nullptr)};
}

Var run_blocks(Pass& pass, const Trunk& trunk, int begin, int end, Var x) {
  for (int l = begin; l < end; ++l) x = trunk.residual(pass, l, x, trunk.shortcut(pass, l, x));
  return x;
}

}  // namespace weft
