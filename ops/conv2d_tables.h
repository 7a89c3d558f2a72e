// Which pixels a convolution's taps read, as tables for the rows of engine/cpu/gemm.h. They follow
// from the shape of the pictures and the window alone, not from channels or values, and are kept:
// step after step asks for the same.
#pragma once

#include <memory>
#include <vector>

#include "ops/conv2d.h"

namespace weft::conv_tables {

using Table = std::shared_ptr<const int32_t[]>;

/// For every tap, the pairs (output pixel, input pixel) inside the image, both ascending.
class TapPairs {
 public:
  struct Tap {
    int64_t index, count;
    const int32_t *out, *in;
  };

  TapPairs(CpuContext& ctx, const Conv2dShape& s);
  const std::vector<Tap>& taps() const { return taps_; }

 private:
  Table table_;
  std::vector<Tap> taps_;
};

/// [tap][pixel]: the pixel of the other side that is paired with `pixel`, -1 where none is.
Table of_outputs(CpuContext& ctx, const Conv2dShape& s);
Table of_inputs(CpuContext& ctx, const Conv2dShape& s);

/// [output pixel]: where its first tap lies in x with its padding written out, [N, H + 2p, W + 2p].
Table of_padded(CpuContext& ctx, const Conv2dShape& s);

}  // namespace weft::conv_tables
