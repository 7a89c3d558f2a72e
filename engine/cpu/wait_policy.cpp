// let_waiting_threads_sleep: an exec of this very file, with the same arguments, open files and
// pid.
#include "engine/cpu/wait_policy.h"

#include <unistd.h>

#include <cstdlib>
#include <initializer_list>

namespace weft {

void let_waiting_threads_sleep(char** argv) {
  for (const char* said : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME"})
    if (std::getenv(said) != nullptr) return;
  // GCC's runtime and LLVM's. What cannot be said (no memory) is not asked for again and again.
  if (setenv("GOMP_SPINCOUNT", "1000", 1) == 0 && setenv("KMP_BLOCKTIME", "0", 1) == 0)
    execv("/proc/self/exe", argv);
}

}  // namespace weft
