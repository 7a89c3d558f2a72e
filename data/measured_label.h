// The label of a task with a `target` (data/target.h), as it travels from the table to losses and
// metrics: a picture 1 x 1 of these channels. Errors relative to the measured y, and of its slopes,
// then need nothing but label and output: with d = unit (output - value), in decades,
//   y' / y = 10^d        (dy'/dx) / (dy/dx) = 10^d (ln 10 unit doutput/dx - power) / slope.
#pragma once

#include <cstdint>

namespace weft::measured {

enum Channel : int64_t {
  value,      ///< t, standardised where the task is; the floor's where y is not above it
  bound,      ///< 1: y is known to be at most this, 0: it is this
  strong,     ///< 1: the task's condition `strong` holds, and errors count in percent
  unit,       ///< what 1 of the output is of t
  reference,  ///< task.relative_to / 10^t
  slopes  ///< of each slope two: (dy/dx) / y, NaN where it was not measured; a_x / x. Then, where
          ///< one is learned, of each two more: which input x became; dinput/dx
};

/// Channels of a label with so many slopes; `learned`: one of them is.
constexpr int64_t channels(int64_t count, bool learned = false) {
  return slopes + (learned ? 4 : 2) * count;
}

}  // namespace weft::measured
