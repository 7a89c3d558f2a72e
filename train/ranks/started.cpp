// Who starts ranks says so in the environment: Open MPI, PMIx (srun --mpi=pmix), PMI (MPICH, srun).
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

/// Rank and number of processes, of the starter that names a rank.
std::array<int, 2> started() {
  constexpr const char* starters[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                         {"PMI_RANK", "PMI_SIZE"},
                                         {"PMIX_RANK", "SLURM_NTASKS"}};
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

}  // namespace weft
