// What every way of sharing has in common: heads, names and counting.
#include "models/sharing/sharing.h"

#include <algorithm>

namespace weft {

std::vector<std::string> Model::task_names() const {
  std::vector<std::string> names;
  for (const TaskShape& task : options_.tasks) names.push_back(task.name);
  return names;
}

void Model::make_heads(const Trunk& trunk) {
  const ParameterStore::Making making(store_, Part::head);
  for (const TaskShape& task : options_.tasks) {
    HeadOptions options = options_.head;
    options.image_label = task.image_label;
    heads_.push_back(options_.trunk.kind == TrunkOptions::Kind::vgg16
                         ? make_vgg16_head(store_, task.name, vgg_options(options_.trunk),
                                           task.channels, options, options_.seed)
                         : make_head(store_, task.name, trunk.out_channels(), task.channels,
                                     options, options_.seed));
    grids_.push_back(heads_.back()->grid(trunk.grid()));
  }
}

std::vector<Var> Model::run_heads(Pass& pass, const std::function<Var(size_t k)>& features) const {
  std::vector<Var> out;
  for (size_t k = 0; k < heads_.size(); ++k) out.push_back((*heads_[k])(pass, features(k)));
  return out;
}

std::vector<Var> Model::run_heads(Pass& pass, const std::vector<Var>& features) const {
  return run_heads(pass, [&](size_t k) { return features[k]; });
}

ModelCost Model::count(const TrunkCost& trunk, size_t trunks) const {
  ModelCost cost;
  for (const Parameter& p : store_.parameters()) {
    const Part part = store_.part_of(p);
    if (part == Part::trunk) cost.trunk_parameters += p.value.numel();
    if (part == Part::head) cost.head_parameters += p.value.numel();
    if (part == Part::stitch || part == Part::sharing) cost.sharing_parameters += p.value.numel();
  }
  cost.one_trunk_parameters = cost.trunk_parameters / static_cast<int64_t>(trunks);
  for (const auto& head : heads_) cost.heads += head->cost(trunk.out);
  return cost;
}

bool Model::fixed(const Parameter& p) const {
  return options_.fixed_norm && store_.part_of(p) == Part::trunk && store_.is_norm(p);
}

TrunkOptions Model::shared_trunk() const {
  TrunkOptions trunk = options_.trunk;
  if (options_.own_statistics) trunk.norm = {task_names(), options_.own_norm};
  return trunk;
}

const SameStatistics& Model::statistics_now() const {
  const int64_t edits = store_.stats_edits();
  if (!same_ || same_->first != edits)
    same_ = {edits, same_statistics(store_, trunk(), task_names())};
  return same_->second;
}

Plan Model::shared_plan(const Gates* gates, bool training) const {
  const int blocks = trunk().blocks(), tasks = static_cast<int>(options_.tasks.size());
  // One pass for all: batch norm sees one task, and counts one batch.
  if (gates == nullptr && !apart() && !options_.own_statistics)
    return make_plan(all_selected(1, blocks));
  const Gates all = gates != nullptr ? *gates : all_selected(tasks, blocks);
  if (training || apart() || !options_.own_statistics) return make_plan(all, apart());
  const SameStatistics& same = statistics_now();
  return make_plan(all, false, [&](size_t l, int a, int b) {
    return same[static_cast<size_t>(a)][static_cast<size_t>(b)] >=
           std::min(static_cast<int>(l) + 1, blocks);
  });
}

Features Model::run_shared(Pass& pass, const Trunk& trunk, const Var& images,
                           const PolicySample* sample) const {
  if (pass.training) same_.reset();
  const Plan plan = shared_plan(sample ? &sample->gates : nullptr, pass.training);
  const int tasks = static_cast<int>(options_.tasks.size());
  const size_t inputs = plan.blocks.empty() ? plan.out.size() : plan.blocks[0].in.size();
  const int copies = options_.separate_inputs ? 1 : static_cast<int>(inputs);
  Features features =
      run_trunk(pass, trunk, plan, sample ? sample->p : std::vector<Var>{}, repeat(images, copies));
  // A plan for one task stands for all of them.
  for (int k = 1; plan.out == Groups{{0}} && k < tasks; ++k) features.groups[0].push_back(k);
  return features;
}

}  // namespace weft
