// op_check(OpCase{...}): one descriptor per case gives every check that an op owes. For L = <w, y>
// with random w: f64 forward against a naive loop, f64 gradients against central differences away
// from kinks, f32 against f64 within a bound from eps and the reduction's length, the same bits on
// a second run, in a second backward pass, on 1, 2 and 7 threads, without recording and with other
// inputs constant; the gradient of some rows of y; all with poisoned memory and guard bytes. Failures
// print the case's name and seed. In a test program run with --device cuda it is the GPU's f32
// instead, against the CPU's f64 (tests/support/device.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/tape.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"

namespace weft {

using Values = std::vector<double>;

struct OpCase {
  std::string name;
  std::vector<Shape> inputs;
  /// Calls the op; class ids, masks and options are captured, tensors brought over by on_tape().
  /// Called many times.
  std::function<Var(const std::vector<Var>&)> op;
  /// The same in the plainest loops; empty: the forward pass is not compared.
  std::function<Values(const std::vector<Values>&)> naive = {};
  /// Inputs are uniform in [low, high], and at least 0.05 away from every kink.
  double low = -2, high = 2;
  std::vector<double> kinks = {};
  /// values[i], where given and not empty, replaces the random input i.
  std::vector<Values> values = {};
  /// Terms that one output element sums; those of a gradient follow from it and the shapes.
  int64_t reduction = 1;
  /// Inputs whose gradient is checked; the others are constants. Empty: all.
  std::vector<bool> differentiable = {};
  uint64_t seed = 1;
  /// Step and relative bound of the central differences.
  double step = 1e-5, difference_tolerance = 1e-6;
  /// Multiplies the derived f32 bound, where an op magnifies rounding (1 / sqrt(variance)).
  double f32_slack = 1;
};

void op_check(const OpCase& c);

/// Where element `at` of a tensor of this shape is, and what the inputs hold there that have its
/// shape, or one element: " at [1, 0, 2], where input 0 is 0.25 and input 2 is -1". Failures say so.
std::string inputs_at(const OpCase& c, const std::vector<Values>& values, const Shape& shape,
                      size_t at);

/// The case's input i as op_check uses it: for tests that go on where op_check ends.
Values case_values(const OpCase& c, size_t i);

/// fn must throw a ShapeError that contains `text` and ends in a source place.
void check_shape_error(const std::function<void()>& fn, const std::string& text);

/// True where both hold the same dtype, shape and bits.
bool same_bits(const Tensor& a, const Tensor& b);

/// Poison and guard bytes on memory while it lives; the destructor checks the guards.
class GuardedMemory {
 public:
  explicit GuardedMemory(CachingAllocator& memory = host_memory());
  ~GuardedMemory();
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

 private:
  CachingAllocator& memory_;
  int64_t breaks_;
};

}  // namespace weft
