// Alphabet: the number that each character of a text is to a network.
//   0       nothing: the text has ended
//   1       a character that is not in the alphabet
//   2 ..    the alphabet's characters, in their order
// An empty alphabet is that of the bytes of UTF-8: 0, then 1 + the byte, and nothing is unknown but the
// byte 0, which no text has. A character is a code point. A capital A to Z that the alphabet lacks
// counts as its small letter (Zhang et al., NIPS 2015, arXiv 1509.01626, find that small letters alone
// do better).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace weft {

class Alphabet {
 public:
  static constexpr int64_t unknown = 1;
  /// `characters`: UTF-8. A character that is there twice is a ConfigError.
  explicit Alphabet(const std::string& characters);

  /// How many numbers there are, the first two included.
  int64_t ids() const { return ids_; }
  /// What it counts: "characters", or "bytes".
  const char* unit() const { return bytes_ ? "bytes" : "characters"; }

  struct Counts {
    int64_t characters = 0;  ///< of the text, those that were cut off too
    int64_t unknown = 0;     ///< among those that were written
  };
  /// Writes `length` numbers: the first characters of `text`, UTF-8, and zeros behind its end.
  Counts encode(std::string_view text, int64_t length, float* out) const;

 private:
  int64_t id_of(std::string_view character) const;

  int64_t ids_ = 2;
  bool bytes_;
  std::array<int64_t, 128> ascii_{};
  std::map<std::string, int64_t, std::less<>> others_;
};

}  // namespace weft
