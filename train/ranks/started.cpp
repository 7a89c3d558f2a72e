// Who starts ranks says so in the environment: Open MPI, PMIx (srun --mpi=pmix), PMI (MPICH, srun).
#include <algorithm>
#include <array>
#include <cstdlib>

#include "train/ranks/job.h"

namespace weft {

namespace {

/// -1: the surroundings do not say it.
int number(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? -1 : std::atoi(value);
}

constexpr const char* starters[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                       {"PMI_RANK", "PMI_SIZE"},
                                       {"PMIX_RANK", "SLURM_NTASKS"}};

/// Rank and number of processes, of the starter that names a rank.
std::array<int, 2> started() {
  for (const auto& [rank, size] : starters)
    if (number(rank) >= 0) return {number(rank), number(size)};
  return {-1, -1};
}

}  // namespace

int started_rank() {
  const auto [rank, size] = started();
  return size == 1 ? -1 : rank;
}

int started_size() { return started()[1]; }

HostRank started_here() {
  if (started_rank() < 0) return {};
  // MPICH's Hydra has names of its own, Slurm writes its numbers as "2(x3)".
  constexpr const char* here[][2] = {{"OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
                                     {"MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
                                     {"SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"}};
  for (const auto& [rank, size] : here)
    if (number(rank) >= 0 && number(size) > number(rank)) return {number(rank), number(size)};
  return {started_rank(), std::max(started_rank() + 1, started_size())};
}

std::vector<std::string> not_started() {
  std::vector<std::string> out;
  for (const auto& [rank, size] : starters) out.push_back(std::string(rank) + "=");
  return out;
}

}  // namespace weft
