// Job over MPI: the one file that includes its header.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "engine/error.h"
#include "train/ranks/job.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

bool in_job = false;

[[noreturn]] void fail(const char* what, int code) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw UserError(fmt::format("MPI: {} failed: {}", what, std::string(text, length)));
}

void check(const char* what, int code) {
  if (code != MPI_SUCCESS) fail(what, code);
}

class MpiRanks final : public Ranks {
 public:
  MpiRanks(int rank, int size, double timeout) : Ranks(rank, size), timeout_(timeout) {
    char host[MPI_MAX_PROCESSOR_NAME] = {};
    int length = 0;
    check("MPI_Get_processor_name", MPI_Get_processor_name(host, &length));
    std::vector<char> all(sizeof host * static_cast<size_t>(size));
    exchange(host, 0, all.data(), sizeof host);
    for (int r = 0; r < size; ++r) hosts_.emplace_back(all.data() + sizeof host * r);
  }

  std::string name_of(int rank) const override {
    const auto r = static_cast<size_t>(rank);
    return r < hosts_.size() ? fmt::format("rank {} ({})", rank, hosts_[r])
                             : fmt::format("rank {}", rank);
  }

  double patience() const override { return timeout_; }

  void exchange(const void* out, size_t stride, void* in, size_t bytes) override {
    const auto* const from = static_cast<const std::byte*>(out);
    auto* const to = static_cast<std::byte*>(in);
    const auto at = [](int r, size_t each) { return static_cast<size_t>(r) * each; };
    if (bytes > 0) std::memcpy(to + at(rank(), bytes), from + at(rank(), stride), bytes);
    size_t begin = 0;
    do {  // MPI counts in int
      const size_t count = std::min(bytes - begin, most_at_once);
      pass_round([&](int r) { return from + at(r, stride) + begin; },
                 [&](int r) { return to + at(r, bytes) + begin; }, static_cast<int>(count));
      begin += count;
    } while (begin < bytes);
  }

 private:
  static constexpr int tag = 1;
  static constexpr size_t most_at_once = size_t{1} << 28;

  /// `count` bytes at out(r) to each other rank r, and its own to in(r).
  template <class Out, class In>
  void pass_round(Out out, In in, int count) const {
    std::vector<MPI_Request> requests;
    std::vector<int> peers;
    for (int step = 1; step < size(); ++step)  // each begins with its neighbour
      peers.push_back((rank() + step) % size());
    requests.reserve(2 * peers.size());
    for (const int r : peers)
      check("MPI_Irecv",
            MPI_Irecv(in(r), count, MPI_BYTE, r, tag, MPI_COMM_WORLD, &requests.emplace_back()));
    for (const int r : peers)
      check("MPI_Isend",
            MPI_Isend(out(r), count, MPI_BYTE, r, tag, MPI_COMM_WORLD, &requests.emplace_back()));
    wait(requests, peers);
  }

  void wait(std::vector<MPI_Request>& requests, const std::vector<int>& peers) const {
    const auto began = Clock::now();
    for (int64_t tries = 0;; ++tries) {
      int done = 0;
      check("MPI_Testall", MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done,
                                       MPI_STATUSES_IGNORE));
      if (done != 0) return;
      // Others may need this core; the longer the wait, the less it matters when it ends.
      if (tries < 1000)
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(std::chrono::microseconds(tries < 10000 ? 20 : 1000));
      const std::chrono::duration<double> waited = Clock::now() - began;
      if (waited.count() > timeout_) time_out(requests, peers);
    }
  }

  [[noreturn]] void time_out(std::vector<MPI_Request>& requests,
                             const std::vector<int>& peers) const {
    // Receipts come first in `requests`. Who has sent its own and takes no more is silent, too.
    const auto with_open = [&](size_t first) {
      std::string names;
      for (size_t i = 0; i < peers.size(); ++i) {
        int done = 0;
        MPI_Request_get_status(requests[first + i], &done, MPI_STATUS_IGNORE);
        if (done == 0) names += (names.empty() ? "" : ", ") + name_of(peers[i]);
      }
      return names;
    };
    std::string silent = with_open(0);
    if (silent.empty()) silent = with_open(peers.size());
    throw UserError(fmt::format(
        "{}: {} did not answer for {:g} s; the run goes on from its last checkpoint with --resume",
        name_of(rank()), silent.empty() ? "the network" : silent, timeout_));
  }

  double timeout_;
  std::vector<std::string> hosts_;
};

}  // namespace

std::unique_ptr<Ranks> join_job(double timeout_seconds) {
  int provided = 0;
  check("MPI_Init_thread", MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided));
  in_job = true;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  int rank = 0, size = 1;
  check("MPI_Comm_rank", MPI_Comm_rank(MPI_COMM_WORLD, &rank));
  check("MPI_Comm_size", MPI_Comm_size(MPI_COMM_WORLD, &size));
  return std::make_unique<MpiRanks>(rank, size, timeout_seconds);
}

void leave_job() {
  if (!in_job) return;
  in_job = false;
  MPI_Finalize();
}

void end_job(int code) noexcept {
  if (in_job) MPI_Abort(MPI_COMM_WORLD, code);
}

}  // namespace weft
