// A training pass whose policies part at the first block: the stem runs once for all of them, and what
// follows on their rows one behind the other, [policies * N, h, w, C], each policy's a group of its own.
#pragma once

#include <utility>

#include "models/trunk.h"

namespace weft {

/// x = block(l, x) for every block behind the stem; block 0 reads rows [N, h, w, C] that all share.
template <class Block>
Var run_parting(Pass& pass, const Trunk& trunk, const Var& images, int policies, Block block) {
  Groups together(1), apart;
  for (int v = 0; v < policies; ++v) {
    together[0].push_back(v);
    apart.push_back({v});
  }
  const Groups before = std::exchange(pass.groups, together);
  Var x = trunk.stem(pass, images);
  for (int l = 0; l < trunk.blocks(); ++l) {
    x = block(l, x);
    pass.groups = apart;
  }
  pass.groups = before;
  return x;
}

}  // namespace weft
