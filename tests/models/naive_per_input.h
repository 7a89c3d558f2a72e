// What policies per input are by their definition, in plain loops: the policy network, blocks with
// batch norm by running statistics (which NaiveNet has not), and a trunk in which each image goes its
// own way.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models/row_plan.h"
#include "tests/models/naive_net.h"

namespace weft::test {

/// Running mean and variance of a layer's channels; of one that is not named 0 and 1.
using Running = std::map<std::string, std::pair<std::vector<double>, std::vector<double>>>;

/// Some images of a map, in order.
Map images_of(const Map& x, const std::vector<size_t>& which);

class NaivePerInput {
 public:
  explicit NaivePerInput(const NaiveNet& net, Running running = {})
      : net_(net), running_(std::move(running)) {}

  size_t policies() const;
  /// [image][policy][block][logits of each].
  Numbers logits(const Map& image) const;
  Map by_running(const std::string& name, const Map& x, bool relu) const;
  Map stem_by_running(const Map& image) const;
  /// Block l of "PREFIXlayer1.0" and so on; function: of a place with function blocks, from 1 on.
  Map block(const std::string& prefix, int l, const Map& x, bool running, int function = 0) const;

 protected:
  Map conv_bias(const std::string& name, const Map& x, int64_t kernel, int64_t stride) const;

  const NaiveNet& net_;
  Running running_;
};

/// A training pass of the trunk by the definition: what an image and the decisions so far name, is one
/// value ("2:101": image 2 behind three blocks); F's statistics are of the values that execute it.
std::map<std::string, Map> naive_rows(const NaiveNet& net, const Map& image,
                                      const Decisions& decisions);
/// The key of image n under its decisions.
std::string row_key(size_t image, const std::vector<uint8_t>& decisions);

}  // namespace weft::test
