// Words of enums, for run files and messages. Beside an enum whose values are 0, 1, 2, .. stands
//   constexpr std::array<const char*, 2> words_of(Inputs) { return {"shared", "per-task"}; }
// and name_of() prints it, from_word() reads it; nothing else knows the words.
#pragma once

#include <array>
#include <string_view>

#include "engine/error.h"

namespace weft {

template <class Enum>
concept Worded = requires(Enum value) {
  words_of(value);
};

template <Worded Enum>
constexpr const char* name_of(Enum value) {
  return words_of(value)[static_cast<size_t>(value)];
}

/// The value that `word` names; ConfigError "what: there is no 'x'; choose a, b or c".
template <Worded Enum>
Enum from_word(const char* what, std::string_view word) {
  constexpr auto words = words_of(Enum{});
  std::string list;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == word) return static_cast<Enum>(i);
    list += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    list += words[i];
  }
  throw ConfigError(fmt::format("{}: there is no '{}'; choose {}", what, word, list));
}

}  // namespace weft
