// How often a word stands in a text, for tests of what is written: SVG, pages.
#pragma once

#include <string>

namespace weft::test {

inline size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace weft::test
