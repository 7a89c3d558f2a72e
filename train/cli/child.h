// weft as a child process of itself: another `weft train` beside this one, its output in a file. It
// lives in a process group of its own, so that a terminal's interrupt reaches the parent alone, and
// it stops (with a checkpoint) where the parent dies.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"

namespace weft::cli {

/// The system starts no further process.
class NoProcess : public UserError {
 public:
  using UserError::UserError;
};

struct Ended {
  int code = 0;            ///< exit code; 0 where a signal ended it
  int signal = 0;          ///< the signal that ended it, or 0
  int64_t peak_bytes = 0;  ///< most memory it had resident
  double seconds = 0;
};

class Child {
 public:
  /// `arguments` without the program's name; the log is appended to; `environment`: "NAME=value"
  /// beside and before what this process has. NoProcess where the system gives none.
  Child(const std::vector<std::string>& arguments, const std::string& log,
        const std::vector<std::string>& environment = {});
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  /// Stops it and waits, where it has not ended.
  ~Child();

  /// How it ended; nullopt: it still runs. Never waits.
  std::optional<Ended> ended();
  /// SIGTERM: it writes a checkpoint and ends with 143.
  void stop();
  double seconds() const;
  /// Most memory it has had resident so far.
  int64_t peak_bytes() const;

 private:
  pid_t pid_ = -1;  ///< -1: ended, or moved from
  std::chrono::steady_clock::time_point began_;
};

/// What the machine could still give to processes.
int64_t available_memory();

}  // namespace weft::cli
