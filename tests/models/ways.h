// What tests know of each way of sharing by its definition: a row a way, in ways.cpp. What the way
// says of itself is in models/sharing/way.h.
#pragma once

#include "models/sharing/way.h"

namespace weft::test {

class NaiveNet;  // naive_net.h
struct Map;
struct Number;

/// Of the dilated ResNet-18 at width 1/16, of a 65 x 49 image: channels and pixels of the map after
/// each stage.
constexpr int64_t stage_channels[] = {4, 8, 16, 32};
constexpr int64_t stage_pixels[] = {17 * 13, 9 * 7, 9 * 7, 9 * 7};

/// The step whose noise definitions are compared by: one in which every copy that SpotTune tunes is
/// drawn by some image.
constexpr uint32_t ways_step = 34;

struct Joined {
  int64_t parameters = 0, macs = 0;
};

struct WayRow {
  Sharing way;
  /// Each task's features, in plain loops.
  std::vector<Map> (*features)(const NaiveNet&, const Map& image,
                               const std::vector<std::vector<Number>>& select);
  /// What the way adds to the loss.
  Number (*regulariser)(const NaiveNet&) = nullptr;
  /// What joins the trunks of k tasks costs on the network above.
  Joined (*joined)(int64_t k) = [](int64_t) { return Joined{}; };
  /// Parameters that the trunks have there beyond so many plain ones.
  int64_t (*more_of_trunk)() = [] { return int64_t{0}; };
  /// Whether the parameter, of no head, is of the task "depth" alone; soft constrains layer4.
  bool (*of_depth_alone)(const std::string& name) = [](const std::string&) { return false; };
  bool at_once = false;  ///< the definition is of straight-through Gumbel from the first step on
  /// A pattern of parameters that no output is made of.
  const char* unreached = "";
  bool mixes = false;  ///< a task's features are made of other tasks' too
};

const WayRow& row_of(Sharing way);

std::vector<Sharing> all_ways();
/// Their words in the run file.
std::vector<std::string> names_of(const std::vector<Sharing>& ways);

}  // namespace weft::test
