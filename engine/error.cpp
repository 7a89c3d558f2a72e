// SourceLoc::str: compilers store the path they were given; readers want it from the root.
#include "engine/error.h"

#include <string_view>

namespace weft {

std::string SourceLoc::str() const {
  std::string_view path = file;
  for (std::string_view top :
       {"engine/", "ops/", "models/", "train/", "tests/", "bench/", "examples/"}) {
    const auto at = path.rfind(top);
    if (at != std::string_view::npos && (at == 0 || path[at - 1] == '/')) {
      path.remove_prefix(at);
      break;
    }
  }
  return fmt::format("{}:{}", path, line);
}

}  // namespace weft
