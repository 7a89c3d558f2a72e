// SourceLoc::str: compilers store the path they were given; readers want it from the root.
#include "engine/error.h"

#include <string_view>

namespace weft {

std::string SourceLoc::str() const {
  // This file's own path is the root's path and engine/error.cpp.
  constexpr std::string_view own = __FILE__, here = "engine/error.cpp";
  constexpr std::string_view root = own.substr(0, own.size() - here.size());
  std::string_view path = file;
  if (path.substr(0, root.size()) == root) path.remove_prefix(root.size());
  return fmt::format("{}:{}", path, line);
}

}  // namespace weft
