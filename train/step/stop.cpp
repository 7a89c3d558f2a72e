// One lock-free flag; SA_RESETHAND gives the second signal its usual effect.
#include "train/step/stop.h"

#include <atomic>
#include <iterator>
#include <vector>

#include "engine/ranks.h"

namespace weft {
namespace {

std::atomic<int> asked{0};
static_assert(std::atomic<int>::is_always_lock_free);
constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};

void remember(int signal) { asked.store(signal); }

}  // namespace

int stop_signal() { return asked.load(); }

void throw_if_stopped() {
  Ranks& ranks = current_ranks();
  const int own = stop_signal();
  std::vector<int> all(static_cast<size_t>(ranks.size()));
  ranks.exchange(&own, 0, all.data(), sizeof own);
  for (const int signal : all)
    if (signal != 0) throw Stopped{signal};
}

StopSignals::StopSignals() {
  asked.store(0);
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(signals); ++i) {
    sigaction(signals[i], &action, &before_[i]);
    if (signals[i] == SIGHUP && before_[i].sa_handler == SIG_IGN)
      sigaction(SIGHUP, &before_[i], nullptr);
  }
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < std::size(signals); ++i) sigaction(signals[i], &before_[i], nullptr);
  asked.store(0);
}

}  // namespace weft
