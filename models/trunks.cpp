// make_trunk: from the one set of options to each network's own.
#include "models/trunks.h"

#include <cmath>

namespace weft {

VggOptions vgg_options(const TrunkOptions& options) {
  return {options.width, options.in_channels, options.split};
}

std::unique_ptr<Trunk> make_trunk(ParameterStore& store, const std::string& prefix,
                                  const TrunkOptions& options, uint64_t seed) {
  switch (options.kind) {
    case TrunkOptions::Kind::vgg16:
      return make_vgg16(store, prefix, vgg_options(options), seed);
    case TrunkOptions::Kind::vdcnn:
      return make_vdcnn(
          store, prefix,
          {options.depth, options.width, options.characters, options.embedding, options.norm},
          seed);
    case TrunkOptions::Kind::mlp: {
      const double hidden = static_cast<double>(options.hidden) * options.width;
      return make_mlp(
          store, prefix,
          {options.in_channels, std::max<int64_t>(4, std::llround(hidden)), options.blocks,
           options.norm, options.activation, options.mlp_norm, options.stem},
          seed);
    }
    case TrunkOptions::Kind::resnet:
      break;
  }
  return make_resnet(store, prefix, options, seed);
}

}  // namespace weft
