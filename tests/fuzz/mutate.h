// Deterministic mutations of a byte string: the same (seed, step) makes the same bytes anywhere.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/philox.h"

namespace weft::test {

/// A copy of `text` with 1 to 4 random edits: a byte changed, a piece removed, doubled or replaced
/// by a troublesome word, or the end cut off.
inline std::string mutate(std::string text, uint64_t seed, uint32_t step) {
  static const char* const words[] = {"[",     "]",   "{",    "}",    "\"",
                                      "=",     ",",   "\n",   "-1",   "99999999999999999999",
                                      "1e999", "nan", "\x01", "\xff", "0"};
  const Philox random(seed, Stream::data, step, "mutate");
  uint64_t element = 0;
  const auto below = [&](uint64_t n) { return n ? random.below(element++, n) : 0; };
  for (uint64_t edits = 1 + below(4); edits > 0; --edits) {
    const size_t at = below(text.size() + 1);
    const size_t length = std::min(text.size() - at, below(8));
    switch (below(5)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(below(text.size() + 1), text.substr(at, length));
        break;
      case 3:
        text.replace(at, length, words[below(std::size(words))]);
        break;
      default:
        text.resize(text.size() - below(1 + text.size() / 4));
        break;
    }
  }
  return text;
}

}  // namespace weft::test
