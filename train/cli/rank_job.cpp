// RankJob: the job's beginning, and its end by an error.
#include "train/cli/rank_job.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/cpu/context.h"
#include "engine/device.h"
#include "engine/error.h"
#include "engine/version.h"
#include "io/files.h"
#include "io/xxh64.h"
#include "train/cli/failure.h"
#include "train/cli/process.h"
#include "train/ranks/job.h"
#include "train/step/over_ranks.h"

namespace weft::cli {
namespace {

/// Two builds of one version differ, too.
std::string this_binary() {
  const std::vector<uint8_t> bytes = read_file("/proc/self/exe");
  return version() + " " + hex(xxh64(bytes.data(), bytes.size()));
}

}  // namespace

RankJob::RankJob(double timeout_seconds) {
  if (started_rank() < 0) return;
  take_card();
  ranks_ = join_job(timeout_seconds);
  // Another MPI's starter: each process would make the whole run, all of them in one folder.
  if (ranks_->alone() && started_size() > 1)
    throw ConfigError(
        "started as one of several, but MPI sees one process: use this MPI's own mpirun, or srun "
        "with pmix");
  here_.emplace(*ranks_);
  if (!ranks_->alone()) speak_as(ranks_->name_of(ranks_->rank()) + ": ");
}

void RankJob::require_card(DeviceKind device) const {
  if (device == DeviceKind::cpu || current_ranks().alone()) return;
  const std::string why = why_no_cuda();
  if (why.empty()) return;
  const HostRank here = started_here();
  throw DeviceError(
      fmt::format("device cuda: no GPU for rank {} of the {} on this host, where each needs one of "
                  "its own ({}); start as many ranks as it has cards",
                  here.rank, here.size, why));
}

int RankJob::threads(int asked) const {
  if (asked > 0 || current_ranks().alone()) return asked;
  return std::max(1, physical_cores() / ranks_on_this_host());
}

void RankJob::require_same(const std::vector<std::pair<std::string, std::string>>& what) const {
  Ranks& ranks = current_ranks();
  if (ranks.alone()) return;
  std::vector<std::pair<std::string, std::string>> all = {{"binary", this_binary()}};
  all.insert(all.end(), what.begin(), what.end());
  for (const auto& [name, text] : all) {
    const std::vector<std::string> sums = ranks.gather(hex(xxh64(text.data(), text.size())));
    for (int rank = 1; rank < ranks.size(); ++rank)
      if (sums[static_cast<size_t>(rank)] != sums[0])
        throw ConfigError(fmt::format("{} has another {} than {}: all ranks need the same",
                                      ranks.name_of(rank), name, ranks.name_of(0)));
  }
}

int end_ranks() noexcept {
  // What all meet at once, such as a wrong key, the first rank says, and ends the others.
  if (started_rank() > 0) std::this_thread::sleep_for(std::chrono::seconds(1));
  const int code = explain();
  if (code > 128)
    leave_job();  // a signal, which all have heard of
  else
    end_job(code);
  return code;
}

}  // namespace weft::cli
