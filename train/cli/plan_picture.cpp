// Rows of a plan to lanes of a picture.
#include "train/cli/plan_picture.h"

#include <algorithm>

#include "models/sharing/way.h"
#include "train/pictures/policy_picture.h"
#include "train/pictures/sharing_graph.h"

namespace weft::cli {

bool has_plan(const RunFile& run) {
  return way_of(run.sharing).planned && run.model.trunk != TrunkName::vgg16;
}

Gates executed_gates(const OpenedRun& run) {
  if (run.policy()) return gates_of(*run.policy());
  return way_of(run.run.sharing).functions
             ? gates_of(run.model->policy()->most_likely())
             : all_selected(static_cast<int>(run.run.tasks.size()), run.model->trunk().blocks());
}

namespace {

std::vector<PlannedBlock> planned_blocks(const Plan& plan, const Model& model,
                                         const TrunkCost& cost) {
  std::vector<PlannedBlock> blocks;
  for (size_t l = 0; l < plan.blocks.size(); ++l) {
    // Of one run; where runs are at several levels, their mean.
    double mmac = static_cast<double>(cost.residual[l].dense) * 1e-6;
    if (const std::vector<int>& levels = plan.blocks[l].levels; !levels.empty()) {
      mmac = 0;
      for (const int level : levels)
        mmac += static_cast<double>(cost.residual_at(l, level).dense) * 1e-6;
      mmac /= static_cast<double>(levels.size());
    }
    PlannedBlock block{model.trunk().block_name(static_cast<int>(l)), mmac,
                       std::vector<BlockUse>(model.task_names().size(), BlockUse::skip),
                       std::vector<std::vector<int>>(plan.blocks[l].run.size())};
    for (const PlanRow& row : plan.blocks[l].rows) {
      if (row.f < 0) continue;
      std::vector<int>& run = block.runs[static_cast<size_t>(row.f)];
      for (const int k : row.tasks) {
        block.uses[static_cast<size_t>(k)] =
            row.gate.kind == Gate::Kind::soft ? BlockUse::mix : BlockUse::run;
        run.insert(std::upper_bound(run.begin(), run.end(), k), k);
      }
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

}  // namespace

std::string plan_picture(const std::string& title, const Plan& plan, const Model& model,
                         const TrunkCost& cost) {
  return draw_plan(title, model.task_names(), planned_blocks(plan, model, cost));
}

NetworkPictures network_pictures(const OpenedRun& run) {
  NetworkPictures out;
  if (!has_plan(run.run)) return out;
  const Gates gates = executed_gates(run);
  const std::vector<std::string> tasks = run.model->task_names();
  const auto blocks =
      planned_blocks(run.model->shared_plan(&gates, /*training=*/false), *run.model,
                     run.model->trunk().cost(run.learned.height, run.learned.width));
  out.plan = draw_plan("what evaluation and prediction execute", tasks, blocks);
  out.sharing = draw_sharing("who goes together", tasks, blocks);
  return out;
}

}  // namespace weft::cli
