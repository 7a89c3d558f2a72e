// RankJob: one training by several processes that mpirun or srun started (train/ranks/job.h). While it
// lives, this thread is one of them; started alone, it is nothing. From the first exchange on, errors
// name rank and host, and the first of them ends all ranks (end_ranks).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/device_kind.h"
#include "engine/ranks.h"

namespace weft::cli {

class RankJob {
 public:
  /// ConfigError where MPI does not see the others that were started with this process.
  explicit RankJob(double timeout_seconds);

  /// Whether this process prints and writes.
  bool first() const { return current_ranks().first(); }
  /// DeviceError where the run computes on GPUs, and this host shows none to this rank.
  void require_card(DeviceKind device) const;
  /// Threads of this rank, where `asked` is 0: the machine's cores, divided among its ranks.
  int threads(int asked) const;
  /// ConfigError, naming a rank, where one has another binary than the first, or differs in one of
  /// `what`: pairs of a name, such as "run file", and its text.
  void require_same(const std::vector<std::pair<std::string, std::string>>& what) const;

 private:
  std::unique_ptr<Ranks> ranks_;
  std::optional<RanksHere> here_;
};

/// In the handler of the exception that ends this rank: says what it was, and ends all others with
/// the exit code, which it returns. An error that every rank meets is said by one.
int end_ranks() noexcept;

}  // namespace weft::cli
