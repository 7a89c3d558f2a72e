// A build without MPI.
#include "engine/error.h"
#include "train/ranks/job.h"

namespace weft {

std::unique_ptr<Ranks> join_job(double) {
  throw ConfigError(
      "this weft was built without MPI, and cannot be one of several ranks; install libopenmpi-dev "
      "and build it anew with -DWEFT_MPI=ON, or start it without mpirun");
}

void leave_job() {}
void end_job(int) noexcept {}

}  // namespace weft
