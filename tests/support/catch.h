// Catch2, version 2 (Debian 12, Ubuntu 22.04) or version 3 (Debian 13, Ubuntu 24.04), by one name.
// Approx and Matchers are in Catch:: in both. WEFT_SKIP(reason) ends a test that cannot run here
// (no real data, no GPU): it prints "skipped: reason: test" and ./weft test counts it as skipped.
#pragma once

#ifdef WEFT_CATCH_V2
#include <catch2/catch.hpp>
namespace Catch {
using Detail::Approx;  // where version 3 has it; else Catch::Approx names a matcher of vectors
}
#else
#include <catch2/catch_all.hpp>
#endif

#include <cstdio>
#include <string>

namespace weft {

/// A matcher for messages that hold `text`.
inline auto contains_text(const std::string& text) {
#ifdef WEFT_CATCH_V2
  return Catch::Matchers::Contains(text);
#else
  return Catch::Matchers::ContainsSubstring(text);
#endif
}

}  // namespace weft

#define WEFT_SKIP(reason)                                                        \
  do {                                                                           \
    const std::string name(Catch::getResultCapture().getCurrentTestName());      \
    std::printf("skipped: %s: %s\n", std::string(reason).c_str(), name.c_str()); \
    std::fflush(stdout);                                                         \
    SUCCEED("skipped");                                                          \
    return;                                                                      \
  } while (false)
