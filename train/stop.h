// Stopping a run between two steps: while a StopSignals lives, SIGINT and SIGTERM are remembered
// instead of killing the program; a second one kills. A long loop asks stop_signal() after each
// step, saves what it must, and throws Stopped, which the command line turns into exit code
// 128 + signal (130 or 143).
#pragma once

namespace weft {

struct Stopped {
  int signal;
};

/// The signal that asked to stop, or 0.
int stop_signal();

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
};

}  // namespace weft
