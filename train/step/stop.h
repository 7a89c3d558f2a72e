// Stopping a run between two steps: while a StopSignals lives, SIGINT, SIGTERM and SIGHUP are
// remembered instead of killing the program; a second one kills. A hangup that is ignored (nohup)
// stays ignored. A long loop asks stop_signal() after each step, saves what it must, and throws
// Stopped, which the command line turns into exit code 128 + signal (130, 143 or 129).
#pragma once

#include <csignal>

namespace weft {

struct Stopped {
  int signal;
};

/// The signal that asked to stop, or 0.
int stop_signal();
/// Throws Stopped where there is one, on any rank: what is left half done has to be done again.
void throw_if_stopped();

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  struct sigaction before_[3];
};

}  // namespace weft
