// conv_transpose2d: conv2d's gradient by its input as an op of its own, which makes a map larger.
//   y[n, h stride - padding + r dilation, .., k] += sum over c of x[n, h, w, c] weight[c, r, s, k]
// for every pixel (h, w) of x and every tap (r, s); places outside of y are left out.
//   x [N, H, W, C], weight [C, R, S, K], y [N, P, Q, K];
//   P = (H - 1) stride - 2 padding + dilation (R - 1) + 1 + output_padding.
// In G groups the weight is [C, R, S, K / G]: the g-th C / G channels of x make the g-th K / G.
// dx is conv2d of dy by the same weight, and dweight is conv2d's with dy for its input and x for its
// outputs: its kernels do all the work, on both backends. Retains x where the weight needs a
// gradient, and the weight where x does. (Dumoulin & Visin, arXiv 1603.07285, section 4.)
#pragma once

#include "ops/conv2d.h"

namespace weft {

struct ConvTranspose2dOptions {
  Extent2 stride = 1, padding = 0;
  Extent2 output_padding = 0;  ///< rows and columns more at the far end; less than stride
  Extent2 dilation = 1;
  int64_t groups = 1;  ///< divides C and K
};

Var conv_transpose2d(const Var& x, const Var& weight, const ConvTranspose2dOptions& = {},
                     SourceLoc = SourceLoc::here());
/// bias [K] is added to y.
Var conv_transpose2d(const Var& x, const Var& weight, const Var& bias,
                     const ConvTranspose2dOptions& = {}, SourceLoc = SourceLoc::here());

}  // namespace weft
