// Catch2, version 2 (Debian 12, Ubuntu 22.04) or version 3 (Debian 13, Ubuntu 24.04), by one name.
// Approx and Matchers are in Catch:: in both. WEFT_SKIP(reason) ends a test that cannot run here
// (no real data, no GPU): it prints "skipped: reason" and ./weft test counts it as skipped.
#pragma once

#ifdef WEFT_CATCH_V2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif

#include <cstdio>

#define WEFT_SKIP(reason)                 \
  do {                                    \
    std::printf("skipped: %s\n", reason); \
    std::fflush(stdout);                  \
    SUCCEED("skipped: " reason);          \
    return;                               \
  } while (false)
