// What re-training executes. A binary policy says which tasks run which blocks; a weighed one has
// every task run every block and mix, x' = f w + r (1 - w) (docs/method.md section 2.2):
//   soft              w_{k,l} = softmax(u_{k,l})_0, as the search learned it
//   stochastic depth  w_l = 1 - (l + 1) / (2 L) for evaluation, where a training step executes
//                     block l with this probability (Huang et al., ECCV 2016, linear decay to 1/2)
// select, weights: [task][block].
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/philox.h"
#include "models/plan.h"

namespace weft {

struct BinaryPolicy {
  std::vector<std::vector<int>> select;
  /// Empty where the policy is binary; else in [0, 1], and select is 1 everywhere.
  std::vector<std::vector<double>> weights = {};
  bool operator==(const BinaryPolicy&) const = default;
};

/// A policy that executes everything, by these weights.
BinaryPolicy weighed(std::vector<std::vector<double>> weights);

/// Stochastic depth's weights of a trunk of L blocks; the first `skip_layer` are always executed.
BinaryPolicy stochastic_depth(size_t tasks, int blocks, int skip_layer);

/// Of a weighed policy: every block by chance, each task by itself. Philox's policy stream.
BinaryPolicy survivors(const BinaryPolicy& policy, const std::vector<std::string>& tasks,
                       const Noise& noise);

/// Of a binary policy: every task executes as many blocks, and any of them is as likely, but for the
/// first `skip_layer`, which stay. Philox's policy stream; the same seed and index shuffle the same.
BinaryPolicy shuffled(const BinaryPolicy& policy, const std::vector<std::string>& tasks,
                      int skip_layer, uint64_t seed, uint32_t index);

/// A weight of 1 is select, all others are soft.
Gates gates_of(const BinaryPolicy& policy);

/// What measurements execute, the peer's in bench/peer too: all run the first two blocks, then tasks
/// take turns. `most`: what executes a block whole (Policy::most); `least`: what executes as little
/// as there is (Policy::least).
BinaryPolicy alternating_policy(size_t tasks, int blocks, int most = 1, int least = 0);

/// Why a policy cannot be trained: a task that executes nothing, a block that nobody executes.
std::optional<std::string> degenerate(const BinaryPolicy& policy,
                                      const std::vector<std::string>& tasks,
                                      const std::vector<std::string>& blocks);

}  // namespace weft
