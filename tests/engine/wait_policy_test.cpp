// This very program was started by let_waiting_threads_sleep.
#include <cstdlib>

#include "tests/support/catch.h"

TEST_CASE("wait policy: a program started by hand lets waiting threads sleep", "[engine]") {
  // Whoever starts the tests may have said how threads wait; then that holds.
  const bool said = std::getenv("OMP_WAIT_POLICY") != nullptr;
  const char* spins = std::getenv("GOMP_SPINCOUNT");
  CHECK((said || (spins != nullptr && std::atoi(spins) <= 100000)));
}
