// SpotTune's definition in plain loops: the policy network, the straight-through estimator, both
// copies of every block, and batch norm by running statistics, which NaiveNet has not.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/models/naive_net.h"

namespace weft::test {

/// Running mean and variance of a layer's channels; of one that is not named 0 and 1.
using Running = std::map<std::string, std::pair<std::vector<double>, std::vector<double>>>;

class NaiveSpotTune {
 public:
  NaiveSpotTune(const NaiveNet& net, Running running = {})
      : net_(net), running_(std::move(running)) {}

  /// Logits [image][policy][block][2], column 0 the tuned copy's.
  Numbers logits(const Map& image) const;
  /// Features behind the last block, by policy: a training pass with this noise.
  std::vector<Map> train(const Map& image, const Noise& noise) const;
  /// The same in evaluation, under decisions [policy][image][block]: 1 is the tuned copy.
  std::vector<Map> evaluate(const Map& image,
                            const std::vector<std::vector<std::vector<uint8_t>>>& tuned) const;
  size_t policies() const;
  /// u of the last train(): [policy][image][block], 1 where the tuned copy was drawn.
  std::vector<std::vector<std::vector<uint8_t>>> drawn() const { return drawn_; }

 private:
  Map conv_bias(const std::string& name, const Map& x, int64_t kernel, int64_t stride) const;
  Map by_running(const std::string& name, const Map& x, bool relu) const;
  Map block(const std::string& prefix, int l, const Map& x, bool running) const;

  const NaiveNet& net_;
  Running running_;
  mutable std::vector<std::vector<std::vector<uint8_t>>> drawn_;
};

}  // namespace weft::test
