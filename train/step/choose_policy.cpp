// choose_policy: samples until enough are sound, then takes one.
#include "train/step/choose_policy.h"

#include <algorithm>
#include <cmath>

namespace weft {
namespace {

constexpr uint32_t most_samples = 1000;
constexpr size_t most_reasons = 5;

/// The nearest sound policy: a block nobody executes goes to the task most inclined to it, a task
/// that executes nothing gets its likeliest block.
BinaryPolicy repaired(BinaryPolicy policy, const std::vector<std::vector<double>>& p) {
  const size_t tasks = p.size(), blocks = p[0].size();
  for (size_t l = 0; l < blocks; ++l) {
    size_t best = 0;
    bool used = false;
    for (size_t k = 0; k < tasks; ++k) {
      used = used || policy.select[k][l] != 0;
      if (p[k][l] > p[best][l]) best = k;
    }
    if (!used) policy.select[best][l] = 1;
  }
  for (size_t k = 0; k < tasks; ++k) {
    auto& row = policy.select[k];
    if (std::all_of(row.begin(), row.end(), [](int s) { return s == 0; }))
      row[static_cast<size_t>(std::max_element(p[k].begin(), p[k].end()) - p[k].begin())] = 1;
  }
  return policy;
}

}  // namespace

PolicyChoice choose_policy(const Policy& policy, const std::vector<std::string>& tasks,
                           const std::vector<std::string>& blocks, const PolicySpec& spec,
                           uint64_t seed, const PolicyScore& score, Semantics semantics) {
  PolicyChoice out;
  const auto sound = [&](const BinaryPolicy& candidate, const std::string& name) {
    if (semantics == Semantics::compat) return true;  // the official code asks nothing of a sample
    const auto reason = degenerate(candidate, tasks, blocks);
    if (reason && out.refused.size() < most_reasons)
      out.refused.push_back(fmt::format("{}: {}", name, *reason));
    return !reason;
  };
  if (spec.choose == Choose::likely) {
    out.policy = policy.most_likely();
    out.how = policy.least() == 1  ? "the most likely one (each place's likeliest function block)"
              : policy.most() == 1 ? "the most likely one (select where p >= 0.5)"
                                   : "the most likely one (each block's likeliest level)";
    if (sound(out.policy, "the most likely policy")) return out;
    out.policy = repaired(out.policy, policy.probabilities());
    out.how += ", with the fewest changes that make every block and task take part";
    return out;
  }
  const int wanted = spec.choose == Choose::validation && score ? spec.draws : 1;
  const int active = policy.blocks() - policy.skip_layer();
  double best = 0;
  int found = 0;
  for (uint32_t index = 0; index < most_samples && found < wanted; ++index) {
    const BinaryPolicy candidate = policy.sample_binary(seed, index, active);
    if (!sound(candidate, fmt::format("draw {}", index))) continue;
    ++found;
    const double loss = wanted > 1 ? score(candidate) : 0;
    if (found > 1 && loss >= best) continue;
    best = loss;
    out.policy = candidate;
    out.how = wanted > 1 ? fmt::format("draw {}, validation score {:.4f}", index, loss)
                         : fmt::format("draw {}", index);
  }
  if (found > 0 && wanted > 1 && !std::isfinite(best))
    throw NumericError(
        fmt::format("policy: the validation loss of all {} draws is NaN or infinite: "
                    "the search has broken the network",
                    found));
  if (found == 0) {
    out.policy = repaired(policy.most_likely(), policy.probabilities());
    out.how = fmt::format(
        "the most likely one, changed so that every block and task takes part, since {} draws were "
        "degenerate",
        most_samples);
  } else if (wanted > 1) {
    out.how += fmt::format(", the best of {}", found);
  }
  return out;
}

int64_t first_best_epoch(const RunFile& run, int blocks) {
  const bool miscounted = run.semantics == Semantics::compat &&
                          run.model.trunk == TrunkName::resnet34 &&
                          run.model.form == TrunkForm::deeplab;
  return int64_t{run.policy.curriculum_speed} * (miscounted ? 18 : blocks);
}

std::vector<std::string> block_names(const Trunk& trunk) {
  std::vector<std::string> names;
  for (int l = 0; l < trunk.blocks(); ++l) names.push_back(trunk.block_name(l));
  return names;
}

}  // namespace weft
