// PerInput: the policy network, rows run by decisions, and what evaluation counts.
#include "models/sharing/per_input.h"

#include <algorithm>
#include <cmath>

#include "engine/device_tensor.h"
#include "models/sharing/way.h"

namespace weft {

double Executed::mean() const { return images == 0 ? 0 : sum / static_cast<double>(images); }

double Executed::spread() const {
  if (images == 0) return 0;
  return std::sqrt(std::max(0.0, squares / static_cast<double>(images) - mean() * mean()));
}

std::optional<double> Executed::together() const {
  double same = 0, places = 0;
  for (const std::vector<int64_t>& counts : taken) {
    double all = 0, pairs = 0;
    for (const int64_t n : counts) {
      all += static_cast<double>(n);
      pairs += static_cast<double>(n) * static_cast<double>(n - 1);
    }
    if (all < 2) continue;
    same += pairs / (all * (all - 1));
    ++places;
  }
  if (places == 0) return std::nullopt;
  return same / places;
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

PerInputPhase PerInput::phase_at(uint32_t step) const {
  const int64_t at = step, full = options_.share.full_steps;
  if (!way_of(options_.sharing).phased) return PerInputPhase::joint;
  if (at < full) return PerInputPhase::full;
  return at < full + options_.share.policy_steps ? PerInputPhase::policy : PerInputPhase::joint;
}

Tensor PerInput::host_logits(const Pass& pass, const Var& images) const {
  Tape quiet(pass.tape.context(), Tape::Mode::no_grad);
  Pass look{quiet, pass.training, pass.noise};
  return to_host(quiet.context(), (*network_)(look, quiet.constant(images.value())).value());
}

Tensor PerInput::sound_logits(const Pass& pass, const Var& images) const {
  Tensor logits = host_logits(pass, images);
  for (const double z : logits.to_vector())
    if (!std::isfinite(z))
      throw NumericError(
          "sharing.policy: a logit is no number; the policy network's weights or the image hold "
          "NaN or infinity");
  return logits;
}

std::vector<std::vector<Var>> PerInput::run(Pass& pass, const Var& images,
                                            const std::vector<Decisions>& decisions) const {
  Decisions all;
  for (const Decisions& d : decisions) all.insert(all.end(), d.begin(), d.end());
  const RowPlan plan = plan_rows(all);
  const Var x = execute(pass, plan, images);
  std::vector<std::vector<Var>> out;
  for (size_t i = 0; i < decisions.size(); ++i)
    out.push_back(run_heads(
        pass, [&](size_t k) { return take_rows(x, plan.out[i * policies() + policy_of(k)]); }));
  return out;
}

std::vector<Var> PerInput::evaluate(Pass& pass, const Var& images,
                                    const Decisions& decisions) const {
  std::vector<Var> out = run(pass, images, {decisions})[0];
  const TrunkCost cost = trunk_->cost(images.shape()[1], images.shape()[2]);
  count_executed(macs_of(plan_rows(decisions), cost), decisions, images.shape());
  return out;
}

Var PerInput::execute(Pass& pass, const RowPlan& plan, const Var& images) const {
  return run_rows(pass, *trunk_, plan, images);
}

std::vector<Macs> PerInput::macs_of(const RowPlan& plan, const TrunkCost& cost) const {
  return plan.macs(cost);
}

ModelCost PerInput::cost(int64_t height, int64_t width, const Gates*) const {
  const TrunkCost trunk = trunk_->cost(height, width);
  ModelCost cost = count(trunk);
  cost.trunk = make_plan(all_selected(1, trunk_->blocks())).macs(trunk);
  cost.sharing = network_->cost(height, width);
  return cost;
}

int64_t PerInput::idle_parameters(int64_t height, int64_t width) const {
  int64_t idle = 0;
  const std::vector<FunctionCost> places = trunk_->cost(height, width).functions;
  for (size_t l = 0; l < places.size() && l < executed_.taken.size(); ++l)
    for (size_t m = 1; m <= static_cast<size_t>(places[l].count); ++m)
      if (m >= executed_.taken[l].size() || executed_.taken[l][m] == 0)
        idle += places[l].parameters;
  return idle;
}

void PerInput::count_executed(const std::vector<Macs>& trunk, const Decisions& decisions,
                              const Shape& images) const {
  executed_.taken.resize(static_cast<size_t>(trunk_->blocks()));
  for (const auto& policy : decisions)
    for (const auto& image : policy)
      for (size_t l = 0; l < image.size(); ++l) {
        std::vector<int64_t>& counts = executed_.taken[l];
        if (counts.size() <= image[l]) counts.resize(image[l] + size_t{1});
        ++counts[image[l]];
      }
  const double look = static_cast<double>(network_->cost(images[1], images[2]).dense);
  for (const Macs& macs : trunk) {
    const double all = look + static_cast<double>(macs.dense);
    ++executed_.images;
    executed_.sum += all;
    executed_.squares += all * all;
  }
}

PerInput* per_input(Model& model) { return dynamic_cast<PerInput*>(&model); }

bool learns_as_tested(Model& model, int64_t steps) {
  const PerInput* own = per_input(model);
  return own == nullptr || own->phase_at(static_cast<uint32_t>(steps - 1)) == PerInputPhase::joint;
}

}  // namespace weft
