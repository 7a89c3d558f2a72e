// main() of the test program: takes --device, then Catch2's own, which version 3 calls the same
// way.
#ifdef WEFT_CATCH_V2
#define CATCH_CONFIG_RUNNER
#endif
#include "engine/cpu/wait_policy.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"

int main(int argc, char** argv) {
  weft::let_waiting_threads_sleep(argv);
  try {
    weft::take_device_option(argc, argv);
  } catch (const weft::UserError& e) {
    std::fprintf(stderr, "weft_tests: %s\n", e.what());
    return 2;
  }
  return Catch::Session().run(argc, argv);
}
