// The version comes from CMakeLists.txt; the compiler describes itself.
#include "engine/version.h"

#include <fmt/format.h>

namespace weft {

std::string version() { return WEFT_VERSION; }

std::string build_summary() {
#ifdef __clang__
  const char* compiler = "clang++ " __clang_version__;
#else
  const char* compiler = "g++ " __VERSION__;
#endif
#ifdef WEFT_WITH_CUDA
  const char* backends = "CPU and CUDA";
#else
  const char* backends = "CPU";
#endif
  return fmt::format("{}, -march={}, {}", compiler, WEFT_MARCH, backends);
}

}  // namespace weft
