// add_relu: y = max(x + r, 0), a residual block's last step in one pass; dx = dr = dy where y > 0.
// x, r, y [N, ..] of one shape. Retains one bit an element: whether y > 0, eight neighbours of a row
// in a byte, the first in its lowest bit. y itself may then go where nobody else reads it again.
#pragma once

#include "engine/philox.h"
#include "engine/tape.h"

namespace weft {

Var add_relu(const Var& x, const Var& r, SourceLoc = SourceLoc::here());

/// How the bits of a value lie: a row (of the first axis) begins a byte, so that rows have bits of
/// their own. A value without axes is one row of one element.
struct SignBits {
  int64_t row, row_bytes, rows;  ///< elements and bytes of a row
  bool whole;                    ///< byte b is of elements 8 b .. 8 b + 7

  explicit SignBits(const Shape& shape)
      : row(shape.rank() > 0 ? shape.inner(1) : 1),
        row_bytes((row + 7) / 8),
        rows(shape.rank() > 0 ? shape[0] : 1),
        whole(row % 8 == 0) {}
  WEFT_HD int64_t bytes() const { return rows * row_bytes; }
  /// Byte b's first element, and how many it is of.
  WEFT_HD int64_t first(int64_t b) const { return b / row_bytes * row + b % row_bytes * 8; }
  WEFT_HD int64_t count(int64_t b) const {
    const int64_t left = row - b % row_bytes * 8;
    return left < 8 ? left : 8;
  }
};

namespace kernels {

/// `positive`: the bits; without data they are not wanted.
template <class T>
void add_relu_forward(CpuContext&, View<const T> x, View<const T> r, View<T> y,
                      View<uint8_t> positive);
template <class T>
void add_relu_forward(CudaContext&, View<const T> x, View<const T> r, View<T> y,
                      View<uint8_t> positive);
/// dx may be dy's bytes.
template <class T>
void add_relu_backward(CpuContext&, View<const uint8_t> positive, View<const T> dy, View<T> dx);
template <class T>
void add_relu_backward(CudaContext&, View<const uint8_t> positive, View<const T> dy, View<T> dx);

}  // namespace kernels
}  // namespace weft
