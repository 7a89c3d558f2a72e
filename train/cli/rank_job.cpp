// RankJob: the job's beginning, and its end by an error.
#include "train/cli/rank_job.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/cpu/context.h"
#include "engine/error.h"
#include "engine/version.h"
#include "io/files.h"
#include "io/xxh64.h"
#include "train/cli/failure.h"
#include "train/cli/process.h"
#include "train/ranks/job.h"

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
  ranks_ = join_job(timeout_seconds);
  here_.emplace(*ranks_);
  if (!ranks_->alone()) speak_as(ranks_->name_of(ranks_->rank()) + ": ");
}

int RankJob::threads(int asked) const {
  Ranks& ranks = current_ranks();
  if (asked > 0 || ranks.alone()) return asked;
  const auto host_of = [&](int rank) {
    const std::string name = ranks.name_of(rank);
    return name.substr(name.find('('));
  };
  int beside = 0;
  for (int rank = 0; rank < ranks.size(); ++rank) beside += host_of(rank) == host_of(ranks.rank());
  return std::max(1, physical_cores() / beside);
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
