// What a way of sharing can be told ([share] in the run file); each key belongs to the ways named
// beside it, and its meaning is at the head of their files.
#pragma once

#include <string>
#include <vector>

#include "engine/words.h"

namespace weft {

/// The ways of sharing, a file each in this folder that says the rest (way.h).
// clang-format off
#define WEFT_WAYS_OF_SHARING(way) \
  way(single) \
  way(hard) \
  way(adashare) \
  way(soft) \
  way(cross_stitch) \
  way(sluice) \
  way(nddr) \
  way(mtan) \
  way(den) \
  way(routing) \
  way(input_routing) \
  way(blockdrop) \
  way(spottune)
// clang-format on
enum class Sharing : uint8_t {
#define WEFT_VALUE(way) way,
  WEFT_WAYS_OF_SHARING(WEFT_VALUE)
#undef WEFT_VALUE
};
constexpr auto words_of(Sharing) {
#define WEFT_WORD(way) #way,
  return std::array{WEFT_WAYS_OF_SHARING(WEFT_WORD)};
#undef WEFT_WORD
}

/// soft: what holds two tasks' layers together.
enum class Distance : uint8_t { l2, squared, trace };
constexpr std::array<const char*, 3> words_of(Distance) { return {"l2", "squared", "trace"}; }

/// sluice: the first weights of what is mixed.
enum class SluiceInit : uint8_t { imbalanced, balanced };
constexpr std::array<const char*, 2> words_of(SluiceInit) { return {"imbalanced", "balanced"}; }

/// den, routing, input_routing: what leads from the losses to the logits of what was drawn.
enum class Estimator : uint8_t { reinforce, gumbel };
constexpr std::array<const char*, 2> words_of(Estimator) { return {"reinforce", "gumbel"}; }
/// Policies per input: whose each image's policy is.
enum class PolicyOf : uint8_t { image, task };
constexpr std::array<const char*, 2> words_of(PolicyOf) { return {"shared", "per-task"}; }

constexpr int max_functions = 16;

struct ShareOptions {
  std::vector<std::string> layers;        ///< soft: patterns of the constrained layers; empty: all
  Distance distance = Distance::squared;  ///< soft
  double weight = 0.01;                   ///< soft: of the sum over pairs and layers
  std::vector<double> pair_weights;       ///< soft: (0,1), (0,2) .. (1,2) ..; empty: all 1
  bool per_channel = false;               ///< cross_stitch: a weight per channel, not one a stage
  int subspaces = 2;                      ///< sluice: S
  double orthogonality = 0.1;             ///< sluice: weight of the penalty
  SluiceInit init = SluiceInit::imbalanced;
  Estimator estimator = Estimator::reinforce;  ///< den, both routings
  double baseline = 0.9;                       ///< the same: memory of the running means
  int functions = 2;                           ///< both routings: M, function blocks at each place
  PolicyOf decisions = PolicyOf::image;        ///< policies per input
  int64_t policy_width = 16;    ///< the same: channels of the policy network's first layer
  double temperature = 5;       ///< spottune, input_routing: Gumbel-softmax's
  int64_t full_steps = 1000;    ///< blockdrop, input_routing: weights alone
  int64_t policy_steps = 1000;  ///< the same, then: the policy alone
  int64_t unlock_steps = 100;   ///< blockdrop: steps until one more block; 0: all at once
  double bound = 0.8;           ///< blockdrop: a chance is between 1 - this and this
  double penalty = 1;           ///< blockdrop: the reward of a wrong prediction is minus this
  double slack = 0;             ///< blockdrop: how much worse than all blocks is right, relative
  double entropy = 0.1;         ///< blockdrop, input_routing: weight of the entropy bonus
  double collaboration = 0.05;  ///< input_routing: weight of the collaboration bonus
};

}  // namespace weft
