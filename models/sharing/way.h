// A way of sharing, told by its own file: models/sharing/X.cpp defines X_way() for the word X that
// share_options.h lists. Whoever asks what a way can do, or has, asks here and knows no word.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "models/sharing/share_options.h"

namespace weft {

class Model;
struct ModelOptions;

/// What can be each task's own where the options ask for it.
enum class PerTask : uint8_t {
  nothing,     ///< tasks' features meet: they are of the same images, under one batch norm
  statistics,  ///< batch norm's running statistics (model.bn.running)
  all,         ///< these, its weight and bias (model.bn.affine), and images (data.inputs)
};

struct WayOfSharing {
  std::unique_ptr<Model> (*make)(AnyContext, DType, const ModelOptions&);
  /// Of how many trunks the parameters and maps are, for K tasks: shared + own K.
  struct {
    double shared = 0, own = 0;
  } trunks = {};
  PerTask per_task = PerTask::nothing;
  bool features_differ = false;  ///< between tasks, where they pass one batch norm
  bool any_trunk = false;        ///< leaves trunks in one piece, so VGG-16 without its blocks fits
  bool planned = false;          ///< models/plan says what its one trunk runs for whom
  bool policy = false;           ///< learns one: has phases before re-training
  bool levels = false;           ///< whose gates say more than select or skip: how much of a block
                                 ///< (models/channel_levels.h), or which. ResNets' alone
  bool functions = false;   ///< which: of the function blocks at a place (models/routed_block.h)
  bool batch_norm = false;  ///< has some of its own, whatever the trunk's
  bool per_input = false;   ///< its policy is a function of the input (per_input.h)
  bool phased = false;      ///< the same: has first steps that train weights, or it, alone
  bool pretrained = false;  ///< starts from a trunk that has learned (model.init)
  std::vector<std::string> keys = {};  ///< of [share] that it reads
};

const WayOfSharing& way_of(Sharing sharing);

/// What its policy's records and pictures call a probability.
inline const char* probability_name(Sharing sharing) {
  const WayOfSharing& way = way_of(sharing);
  return way.functions ? "the likeliest function block's p"
         : way.levels  ? "the expected share of inner channels"
                       : "p(select)";
}

/// Those of which `holds(way)`, in the list's order.
template <class F>
std::vector<Sharing> ways_where(F&& holds) {
  std::vector<Sharing> ways;
  for (size_t i = 0; i < words_of(Sharing{}).size(); ++i)
    if (const auto sharing = static_cast<Sharing>(i); holds(way_of(sharing)))
      ways.push_back(sharing);
  return ways;
}

/// "single, hard and soft", or with another last word before the last.
std::string listed(const std::vector<Sharing>& ways, const std::string& last = "and");

template <class Made>
std::unique_ptr<Model> make_way(AnyContext context, DType dtype, const ModelOptions& options) {
  return std::make_unique<Made>(context, dtype, options);
}

}  // namespace weft
