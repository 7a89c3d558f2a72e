// Job: the ranks that mpirun (or srun) has started this process among, over MPI. A process that
// nobody started so is by itself and makes no call of MPI. exchange() sends to each rank and receives
// from each by messages of their own, so that a rank which does not answer in time can be named.
// What ends one rank ends all: MPI kills the others, whatever they wait for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/ranks.h"

namespace weft {

/// This process's number among several that were started together, as its surroundings say; -1: it
/// was started by itself.
int started_rank();
/// How many were started together, as its surroundings say; -1: they do not.
int started_size();

/// Which of the ranks on this machine this process is, and how many they are; of a starter that does
/// not say so, all its ranks count as here.
struct HostRank {
  int rank = 0, size = 1;
};
HostRank started_here();
/// The card of the rank `here`, as CUDA_VISIBLE_DEVICES names it, of those that `visible` (the value of
/// that variable, or null) shows to the ranks of this host: the rank's own by number, or the only one.
/// "-1", which is none, where they are fewer.
std::string card_of(HostRank here, const char* visible);
/// From now on CUDA shows this process its rank's card alone; before the first call of CUDA.
void take_card();
/// "NAME=" of each variable that started_rank() reads: for a child that is no rank.
std::vector<std::string> not_started();

/// Joins the job, once for a process. ConfigError in a build without MPI, or where MPI will not
/// start. A rank that does not answer for so many seconds is a UserError on every other.
std::unique_ptr<Ranks> join_job(double timeout_seconds);
/// After the last exchange: MPI may end now. All ranks call it, unless one has failed.
void leave_job();
/// Ends all ranks of the job with this exit code; returns where there is none (any more).
void end_job(int code) noexcept;

}  // namespace weft
