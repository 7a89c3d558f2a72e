// One lock-free flag; SA_RESETHAND gives the second signal its usual effect.
#include "train/stop.h"

#include <atomic>
#include <csignal>
#include <initializer_list>

namespace weft {
namespace {

std::atomic<int> asked{0};
static_assert(std::atomic<int>::is_always_lock_free);

void remember(int signal) { asked.store(signal); }

void handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = handler == SIG_DFL ? 0 : static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  for (int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

}  // namespace

int stop_signal() { return asked.load(); }

StopSignals::StopSignals() {
  asked.store(0);
  handle(remember);
}

StopSignals::~StopSignals() { handle(SIG_DFL); }

}  // namespace weft
