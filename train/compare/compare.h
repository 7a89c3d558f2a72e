// weft compare: the same computation on every backend and in every precision, against the CPU's
// f64. Op by op: output and each gradient by ||a - b|| / ||b|| and the largest |a - b|, time, and
// the share of the device's ceiling (small tensors stay in a CPU's caches and pass its memory's
// copy rate). Then whole steps: the loss, all gradients, the worst parameters. An op's error may be
// 2^-23 (8 + 2 sqrt(n)) for sums of n terms, and on top, where factors are rounded first, 2^-9 in
// TF32 (2^-11 each, both ways) and 2^-6 in bf16 (2^-9 each, every tensor on the way). bf16 is held
// against f64 of the same rounded inputs. A step in f32 on a GPU may be twice as far from f64 as
// the CPU's f32, each in its best batch (steps.cpp says why).
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "engine/device.h"
#include "train/metrics/measure.h"
#include "train/step/state.h"

namespace weft {

/// A way to compute: "cpu f32", "cuda tf32".
struct Way {
  std::string name;
  DeviceKind device = DeviceKind::cpu;
  Precision precision;
  std::shared_ptr<Device> on;
  double gflops = 0, gbs = 0;  ///< its ceilings

  DType stored() const { return precision == Precision::f64 ? DType::f64 : DType::f32; }
  DType compute() const {
    return precision == Precision::bf16 && device == DeviceKind::cuda ? DType::bf16 : stored();
  }
};

/// One tensor of one op, one way.
struct OpError {
  std::string op, tensor, way;
  double largest = 0, relative = 0, bound = 0;
  bool passed() const { return relative <= bound; }  // NaN does not
};

struct OpTime {
  std::string op, way;
  double forward_ms = 0, backward_ms = 0;
  double gflops = 0, gbs = 0;  ///< of the forward pass; gflops 0: the op is bounded by memory
  double share = 0;            ///< of the ceiling of whichever it is
};

/// One phase, one way: relative errors over some batches. What is not judged must still be a
/// number.
struct StepError {
  std::string phase, way;
  double loss = 0;            ///< the middle one
  Measure gradients, middle;  ///< the least, and the middle one; absent: the phase has none
  Measure bound, loss_bound;  ///< of `gradients` and `loss`; absent: not judged
  double ms = 0;
  std::vector<std::pair<std::string, double>> worst;  ///< parameters of the least, by error
  bool passed() const {
    return std::isfinite(loss) && !is_fault(gradients) && !is_fault(middle) &&
           (!bound || (gradients && *gradients <= *bound)) && (!loss_bound || loss <= *loss_bound);
  }
};

struct Comparison {
  std::vector<Way> ways;  ///< the first is the CPU's f64
  std::vector<OpError> errors;
  std::vector<OpTime> times;
  std::vector<StepError> steps;
  bool passed() const;
};

/// An op on the shapes that it has in a network.
struct OpProbe {
  std::string name;
  std::vector<Shape> inputs;
  std::function<Var(const std::vector<Var>&)> op;
  double macs = 0;    ///< multiply-adds of a forward pass; 0: bounded by memory
  int64_t terms = 1;  ///< that one output element sums
  bool full = false;  ///< never in bf16: losses, softmax, the policy
};

/// The layers of a run's network, at its batch and size, and what lies between them; none where its
/// trunk is no ResNet.
std::vector<OpProbe> network_ops(const RunFile& run, int64_t height, int64_t width);

/// ||a - b|| / ||b|| and the largest |a - b|.
OpError error_between(const std::vector<double>& a, const std::vector<double>& b);
double op_bound(const OpProbe& probe, const Way& way, double terms);

using Saying = std::function<void(const std::string&)>;  ///< progress, a line at a time

/// Fills errors and times of `comparison` for every way in it.
void compare_ops(Comparison& comparison, const std::vector<OpProbe>& probes, const Saying& say);
/// Positions of the least and the middle value; of one that is not finite, so that it is seen.
struct LeastAndMiddle {
  size_t least, middle;
};
LeastAndMiddle least_and_middle(const std::vector<double>& values);

/// Fills steps, from so many batches.
void compare_steps(Comparison& comparison, const RunFile& run, const Dataset& data, int batches,
                   const Saying& say);

std::string comparison_table(const Comparison& comparison);
std::string comparison_json(const Comparison& comparison);

}  // namespace weft
