// PerInput: the policy network, and what evaluation counts.
#include "models/sharing/per_input.h"

#include <algorithm>
#include <cmath>

namespace weft {

double Executed::mean() const { return images == 0 ? 0 : sum / static_cast<double>(images); }

double Executed::spread() const {
  if (images == 0) return 0;
  return std::sqrt(std::max(0.0, squares / static_cast<double>(images) - mean() * mean()));
}

size_t PerInput::policies() const {
  return options_.share.decisions == PolicyOf::task ? options_.tasks.size() : 1;
}

PerInput::PerInput(AnyContext context, DType dtype, const ModelOptions& options)
    : Model(context, dtype, options) {
  if (options_.trunk.kind == TrunkOptions::Kind::vdcnn)
    throw ConfigError(
        fmt::format("sharing: \"{}\" has a policy network that looks at pictures or rows of a "
                    "table, and model.trunk = \"vdcnn\" reads texts; choose another way of sharing",
                    name_of(options_.sharing)));
}

void PerInput::make_network(int64_t logits, double first) {
  const ParameterStore::Making making(store_, Part::sharing);
  const int64_t outputs = static_cast<int64_t>(policies()) * trunk_->blocks() * logits;
  network_.emplace(store_, "sharing.policy",
                   PolicyNetworkOptions{.in_channels = options_.trunk.in_channels,
                                        .width = options_.share.policy_width,
                                        .outputs = outputs,
                                        .pictures = options_.trunk.kind != TrunkOptions::Kind::mlp,
                                        .first = first},
                   options_.seed);
}

ModelCost PerInput::cost(int64_t height, int64_t width, const Gates*) const {
  const TrunkCost trunk = trunk_->cost(height, width);
  ModelCost cost = count(trunk);
  cost.trunk = make_plan(all_selected(1, trunk_->blocks())).macs(trunk);
  cost.sharing = network_->cost(height, width);
  return cost;
}

void PerInput::count_executed(const std::vector<Macs>& trunk, const Shape& images) const {
  const double look = static_cast<double>(network_->cost(images[1], images[2]).dense);
  for (const Macs& macs : trunk) {
    const double all = look + static_cast<double>(macs.dense);
    ++executed_.images;
    executed_.sum += all;
    executed_.squares += all * all;
  }
}

PerInput* per_input(Model& model) { return dynamic_cast<PerInput*>(&model); }

}  // namespace weft
