// Alphabet: a table for ASCII, a map for all else.
#include "data/alphabet.h"

#include <algorithm>
#include <cctype>

#include "engine/error.h"
#include "io/csv_text.h"

namespace weft {
namespace {

constexpr int64_t bytes = 256;

/// The character at text[0], which is UTF-8.
std::string_view first_character(std::string_view text) {
  size_t end = 1;
  while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
  return text.substr(0, end);
}

bool is_ascii(std::string_view character) {
  return character.size() == 1 && static_cast<unsigned char>(character[0]) < 128;
}

}  // namespace

Alphabet::Alphabet(const std::string& characters) : bytes_(characters.empty()) {
  if (bytes_) {
    ids_ = 1 + bytes;
    return;
  }
  if (!is_utf8(characters)) throw ConfigError("data.alphabet: is not UTF-8");
  ascii_.fill(unknown);
  for (std::string_view rest = characters; !rest.empty();) {
    const std::string_view c = first_character(rest);
    if (id_of(c) != unknown)
      throw ConfigError(fmt::format("data.alphabet: '{}' is there twice", c));
    if (is_ascii(c))
      ascii_[static_cast<size_t>(c[0])] = ids_++;
    else
      others_.emplace(c, ids_++);
    rest.remove_prefix(c.size());
  }
  for (char capital = 'A'; capital <= 'Z'; ++capital) {
    int64_t& id = ascii_[static_cast<size_t>(capital)];
    if (id == unknown) id = ascii_[static_cast<size_t>(std::tolower(capital))];
  }
}

int64_t Alphabet::id_of(std::string_view character) const {
  if (is_ascii(character)) return ascii_[static_cast<size_t>(character[0])];
  const auto found = others_.find(character);
  return found == others_.end() ? unknown : found->second;
}

Alphabet::Counts Alphabet::encode(std::string_view text, int64_t length, float* out) const {
  Counts counts;
  while (!text.empty()) {
    const std::string_view c = bytes_ ? text.substr(0, 1) : first_character(text);
    if (counts.characters < length) {
      const int64_t id = bytes_ ? 1 + static_cast<unsigned char>(c[0]) : id_of(c);
      counts.unknown += !bytes_ && id == unknown;
      out[counts.characters] = static_cast<float>(id);
    }
    ++counts.characters;
    text.remove_prefix(c.size());
  }
  std::fill(out + std::min(counts.characters, length), out + length, 0.0F);
  return counts;
}

}  // namespace weft
