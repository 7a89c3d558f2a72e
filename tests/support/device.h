// Where op tests compute: `weft_tests --device cpu|cuda` (default cpu). With cuda, op_check
// compares the GPU's f32 with the CPU's f64, and leaves the CPU's own invariances to the run
// without. Tests tagged [cuda] run in either where a GPU is found, and otherwise say that they
// skip.
#pragma once

#include <string>

#include "engine/tape.h"
#include "tests/support/catch.h"

namespace weft {

/// Takes --device out of the arguments. ConfigError on another word, DeviceError without a GPU.
void take_device_option(int& argc, char** argv);

/// Whether --device cuda was given.
bool testing_cuda();

/// The context of --device, one for the whole program.
const AnyContext& test_device();

/// The GPU whatever --device says; throws DeviceError where there is none.
const AnyContext& cuda_device();

/// Why tests of the GPU cannot run here; empty: they can.
std::string cuda_skip_reason();

/// A host tensor (labels, masks, targets, statistics) where the tape computes; undefined stays so.
Tensor on_tape(const Tape& tape, const Tensor& host);

/// The way back: a tensor of the tape's as the host reads it.
Tensor from_tape(const Tape& tape, const Tensor& t);

}  // namespace weft

/// Ends a test that needs a GPU where there is none.
#define WEFT_NEEDS_CUDA() \
  if (const std::string why = ::weft::cuda_skip_reason(); !why.empty()) WEFT_SKIP(why)
