// routed: what a ResNet alone can be.
#include "models/sharing/routed.h"

namespace weft {

TrunkOptions routed(TrunkOptions trunk, const ModelOptions& options, int first) {
  const int functions = options.share.functions;
  if (trunk.kind != TrunkOptions::Kind::resnet)
    throw ConfigError(fmt::format(
        "sharing: \"{}\" chooses among function blocks of a ResNet, and model.trunk is another; "
        "choose a resnet, or another sharing",
        name_of(options.sharing)));
  if (functions < 2 || functions > max_functions)
    throw ConfigError(fmt::format("share.functions: is {}; a router chooses among 2 to {}",
                                  functions, max_functions));
  trunk.functions = functions;
  trunk.first_routed = first;
  return trunk;
}

}  // namespace weft
