// Names by pattern, as run files give them: layers of soft sharing, columns of a table.
#pragma once

#include <string_view>

namespace weft {

/// `*` in the pattern stands for any characters, none too.
inline bool matches(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (text.substr(0, star) != pattern.substr(0, star)) return false;
  for (size_t from = star; from <= text.size(); ++from)
    if (matches(pattern.substr(star + 1), text.substr(from))) return true;
  return false;
}

}  // namespace weft
