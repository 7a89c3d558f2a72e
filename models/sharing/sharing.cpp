// What every way of sharing has in common: heads, names, counting, and the choice by word.
#include "models/sharing/sharing.h"

namespace weft {

std::vector<std::string> Model::task_names() const {
  std::vector<std::string> names;
  for (const TaskShape& task : options_.tasks) names.push_back(task.name);
  return names;
}

std::vector<std::unique_ptr<Head>> Model::make_heads(int64_t in) {
  std::vector<std::unique_ptr<Head>> heads;
  for (const TaskShape& task : options_.tasks) {
    HeadOptions options = options_.head;
    options.image_label = task.image_label;
    heads.push_back(options_.trunk.kind == TrunkOptions::Kind::vgg16
                        ? make_vgg16_head(store_, task.name, vgg_options(options_.trunk),
                                          task.channels, options, options_.seed)
                        : make_head(store_, task.name, in, task.channels, options, options_.seed));
  }
  return heads;
}

void Model::count_parameters(ModelCost& cost) const {
  for (const Parameter& p : store_.parameters()) {
    const Part part = part_of(p.name);
    if (part == Part::trunk) cost.trunk_parameters += p.value.numel();
    if (part == Part::head) cost.head_parameters += p.value.numel();
  }
}

Part part_of(const std::string& parameter) {
  if (parameter.rfind("heads.", 0) == 0) return Part::head;
  if (parameter.rfind("policy.", 0) == 0) return Part::policy;
  return Part::trunk;
}

namespace {

/// VGG-16 has no residual blocks, so only ways that leave the trunk in one piece fit it.
void check_trunk(const ModelOptions& options) {
  if (options.trunk.kind != TrunkOptions::Kind::vgg16) return;
  if (options.sharing == "single" || options.sharing == "hard") return;
  throw ConfigError(fmt::format(
      "sharing: \"{}\" works on residual blocks, and model.trunk = \"vgg16\" has none; choose "
      "sharing = \"single\" or \"hard\", or a resnet or mlp as trunk",
      options.sharing));
}

}  // namespace

std::unique_ptr<Model> make_model(AnyContext context, DType dtype, const ModelOptions& options) {
  if (options.tasks.empty()) throw ConfigError("model: a run needs at least one [[task]]");
  check_trunk(options);
  if (options.sharing == "single") return make_single(context, dtype, options);
  if (options.sharing == "hard") return make_hard(context, dtype, options);
  if (options.sharing == "adashare") return make_adashare(context, dtype, options);
  throw ConfigError(
      fmt::format("sharing: there is no '{}'; choose single, hard or adashare", options.sharing));
}

}  // namespace weft
