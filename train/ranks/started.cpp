// Who starts ranks says so in the environment: Open MPI, PMIx (srun --mpi=pmix), PMI (MPICH, srun).
#include <cstdlib>

#include "train/ranks/job.h"

namespace weft {

namespace {

/// -1: the surroundings do not say it.
int number(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? -1 : std::atoi(value);
}

}  // namespace

int started_rank() {
  constexpr const char* starters[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                         {"PMI_RANK", "PMI_SIZE"},
                                         {"PMIX_RANK", "SLURM_NTASKS"}};
  for (const auto& [rank, size] : starters)
    if (number(rank) >= 0) return number(size) == 1 ? -1 : number(rank);
  return -1;
}

}  // namespace weft
