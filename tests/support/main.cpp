// main() of the test program: takes --device, then Catch2's own, which version 3 calls the same
// way.
#ifdef WEFT_CATCH_V2
#define CATCH_CONFIG_RUNNER
#endif
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "engine/cpu/wait_policy.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"

namespace {

/// As a cell that a study of tests/train/cli/study_runner_test.cpp has started, which starts its own
/// program: says what it was given, and fails.
int tell_cell() {
  for (const char* name : {"CUDA_VISIBLE_DEVICES", "WEFT_CACHE_MIB"}) {
    const char* const value = std::getenv(name);
    std::printf("%s=%s\n", name, value == nullptr ? "" : value);
  }
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "train") return tell_cell();
  weft::let_waiting_threads_sleep(argv);
  try {
    weft::take_device_option(argc, argv);
  } catch (const weft::UserError& e) {
    std::fprintf(stderr, "weft_tests: %s\n", e.what());
    return 2;
  }
  return Catch::Session().run(argc, argv);
}
