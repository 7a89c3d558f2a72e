// The version comes from CMakeLists.txt; the compiler describes itself.
#include "engine/version.h"

#include <fmt/format.h>

#include "engine/backend.h"

namespace weft {

std::string version() { return WEFT_VERSION; }

std::string build_summary() {
#ifdef __clang__
  const char* compiler = "clang++ " __clang_version__;
#else
  const char* compiler = "g++ " __VERSION__;
#endif
  const char* backends = std::variant_size_v<AnyContext> > 1 ? "CPU and CUDA" : "CPU";
  return fmt::format("{}, -march={}, {}", compiler, WEFT_MARCH, backends);
}

std::vector<std::string> needed_units() {
  std::vector<std::string> units;
#ifdef __AVX2__
  units.emplace_back("avx2");
#endif
#ifdef __FMA__
  units.emplace_back("fma");
#endif
#ifdef __AVX512F__
  units.emplace_back("avx512f");
#endif
  return units;
}

}  // namespace weft
