// Errors are part of the interface: one line that says what was wrong, where, and what to do.
// UserError and what derives from it are the user's or the surroundings' fault (the command line
// exits 2); every other Error is weft's own (it exits 1). Nothing below train/cli prints or exits.
// SourceLoc is std::source_location for compilers that lack it: the caller's file and line.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "engine/layer_scope.h"

namespace weft {

/// Where in the source an op was called; a default argument captures the caller's place.
struct SourceLoc {
  const char* file = "";
  int line = 0;

  static constexpr SourceLoc here(const char* file = __builtin_FILE(),
                                  int line = __builtin_LINE()) {
    return {file, line};
  }
  /// "models/resnet.cpp:71": the path from the repository's root, whatever the build directory.
  std::string str() const;
};

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The user's mistake or the surroundings' (a file, a key, a device, memory): exit code 2.
class UserError : public Error {
 public:
  using Error::Error;
};

/// A wrong run file, command line or option.
class ConfigError : public UserError {
 public:
  using UserError::UserError;
};

/// A missing, broken or unfitting data file, image, label or checkpoint.
class DataError : public UserError {
 public:
  using UserError::UserError;
};

/// The allocator's cap or the machine's memory is reached.
class MemoryError : public UserError {
 public:
  using UserError::UserError;
};

/// No GPU, or one that cannot be used, where a run asks for it.
class DeviceError : public UserError {
 public:
  using UserError::UserError;
};

/// A call to CUDA or cuBLAS that failed on a GPU that works.
class CudaError : public Error {
 public:
  using Error::Error;
};

/// A check that the user asked for did not hold (compare): exit code 1, and no fault of weft's
/// code.
class CheckFailed : public Error {
 public:
  using Error::Error;
};

/// Shapes or dtypes that do not fit an op; thrown before anything is recorded on the tape.
class ShapeError : public UserError {
 public:
  using UserError::UserError;
};

/// A value that became NaN or infinite where the run asked for checks (debug=true), or a loss or
/// gradient that did.
class NumericError : public UserError {
 public:
  using UserError::UserError;
};

/// Throws ShapeError "op: message (file:line)", within a layer "layer (op): ...".
template <class... Args>
[[noreturn]] void shape_error(const char* op, SourceLoc loc, fmt::format_string<Args...> format,
                              Args&&... args) {
  enter_op(nullptr);
  throw ShapeError(fmt::format("{}: {} ({})", in_layer(op),
                               fmt::format(format, std::forward<Args>(args)...), loc.str()));
}

}  // namespace weft
