// The table of ways, and the choice of a model by it.
#include "models/sharing/way.h"

#include <array>

#include "models/sharing/sharing.h"

namespace weft {

#define WEFT_DECLARE(way) WayOfSharing way##_way();
WEFT_WAYS_OF_SHARING(WEFT_DECLARE)
#undef WEFT_DECLARE

const WayOfSharing& way_of(Sharing sharing) {
#define WEFT_ROW(way) way##_way(),
  static const std::array ways{WEFT_WAYS_OF_SHARING(WEFT_ROW)};
#undef WEFT_ROW
  return ways.at(static_cast<size_t>(sharing));
}

std::string listed(const std::vector<Sharing>& ways, const std::string& last) {
  std::string text;
  for (size_t i = 0; i < ways.size(); ++i) {
    if (i > 0) text += i + 1 == ways.size() ? " " + last + " " : ", ";
    text += name_of(ways[i]);
  }
  return text;
}

namespace {

/// VGG-16 has no residual blocks, so only ways that leave the trunk in one piece fit it.
void check_trunk(const ModelOptions& options) {
  if (options.trunk.kind != TrunkOptions::Kind::vgg16 || way_of(options.sharing).any_trunk) return;
  std::string choice;
  for (const Sharing way : ways_where([](const WayOfSharing& w) { return w.any_trunk; }))
    choice += fmt::format("{}\"{}\"", choice.empty() ? "" : " or ", name_of(way));
  throw ConfigError(fmt::format(
      "sharing: \"{}\" works on residual blocks, and model.trunk = \"vgg16\" has none; choose "
      "sharing = {}, or a resnet or mlp as trunk",
      name_of(options.sharing), choice));
}

/// Ways that mix the tasks' features need them of the same images.
void check_own(const ModelOptions& options) {
  const PerTask allowed = way_of(options.sharing).per_task;
  const auto with = [](PerTask own) {
    return listed(ways_where([&](const WayOfSharing& w) { return w.per_task == own; }));
  };
  if (options.separate_inputs && allowed != PerTask::all)
    throw ConfigError(
        fmt::format("sharing: \"{}\" mixes its tasks' features, so they are of the same images; "
                    "data.inputs can be per task with {}",
                    name_of(options.sharing), with(PerTask::all)));
  if ((options.own_norm && allowed != PerTask::all) ||
      (options.own_statistics && allowed == PerTask::nothing))
    throw ConfigError(fmt::format(
        "sharing: \"{}\" has one batch norm wherever its tasks' features meet; model.bn can be per "
        "task with {}, and its running statistics with {}",
        name_of(options.sharing), with(PerTask::all), with(PerTask::statistics)));
}

}  // namespace

std::unique_ptr<Model> make_model(AnyContext context, DType dtype, const ModelOptions& options) {
  if (options.tasks.empty()) throw ConfigError("model: a run needs at least one [[task]]");
  check_trunk(options);
  check_own(options);
  return way_of(options.sharing).make(context, dtype, options);
}

}  // namespace weft
