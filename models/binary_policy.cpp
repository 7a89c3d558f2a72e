// Policies as they are executed: made, drawn, shuffled and judged on the host.
#include "models/binary_policy.h"

#include <algorithm>
#include <utility>

namespace weft {

BinaryPolicy weighed(std::vector<std::vector<double>> weights) {
  BinaryPolicy policy;
  for (const auto& row : weights) policy.select.emplace_back(row.size(), 1);
  policy.weights = std::move(weights);
  return policy;
}

BinaryPolicy stochastic_depth(size_t tasks, int blocks, int skip_layer) {
  std::vector<double> row;
  for (int l = 0; l < blocks; ++l)
    row.push_back(l < skip_layer ? 1.0 : 1.0 - 0.5 * (l + 1) / blocks);
  return weighed(std::vector<std::vector<double>>(tasks, row));
}

BinaryPolicy survivors(const BinaryPolicy& policy, const std::vector<std::string>& tasks,
                       const Noise& noise) {
  BinaryPolicy drawn;
  for (size_t k = 0; k < tasks.size(); ++k) {
    const Philox words(noise.seed, Stream::policy, noise.step, "survival." + tasks[k]);
    auto& row = drawn.select.emplace_back();
    for (size_t l = 0; l < policy.weights[k].size(); ++l)
      row.push_back(words.uniform(l) < policy.weights[k][l]);
  }
  return drawn;
}

BinaryPolicy shuffled(const BinaryPolicy& policy, const std::vector<std::string>& tasks,
                      int skip_layer, uint64_t seed, uint32_t index) {
  BinaryPolicy out = policy;
  for (size_t k = 0; k < tasks.size(); ++k) {
    const Philox words(seed, Stream::policy, index, "shuffle." + tasks[k]);
    auto& row = out.select[k];
    const auto first = static_cast<size_t>(skip_layer);
    for (size_t l = row.size(); l-- > first;)  // Fisher and Yates, from the end
      std::swap(row[l], row[first + words.below(l, l - first + 1)]);
  }
  return out;
}

Gates gates_of(const BinaryPolicy& policy) {
  Gates gates = gates_from(policy.select);
  for (size_t k = 0; k < policy.weights.size(); ++k)
    for (size_t l = 0; l < gates[k].size(); ++l)
      if (policy.weights[k][l] != 1) gates[k][l].kind = Gate::Kind::soft;
  return gates;
}

BinaryPolicy alternating_policy(size_t tasks, int blocks, int most, int least) {
  BinaryPolicy policy;
  for (size_t k = 0; k < tasks; ++k) {
    auto& row = policy.select.emplace_back();
    for (int l = 0; l < blocks; ++l)
      row.push_back(l < 2 || (l + static_cast<int>(k)) % 2 == 0 ? most : least);
  }
  return policy;
}

std::optional<std::string> degenerate(const BinaryPolicy& policy,
                                      const std::vector<std::string>& tasks,
                                      const std::vector<std::string>& blocks) {
  for (size_t k = 0; k < policy.select.size(); ++k)
    if (std::none_of(policy.select[k].begin(), policy.select[k].end(),
                     [](int s) { return s != 0; }))
      return fmt::format("task {} executes no block", tasks[k]);
  for (size_t l = 0; l < blocks.size(); ++l)
    if (std::none_of(policy.select.begin(), policy.select.end(),
                     [&](const auto& row) { return row[l] != 0; }))
      return fmt::format("block {} is executed by no task", blocks[l]);
  return std::nullopt;
}

}  // namespace weft
