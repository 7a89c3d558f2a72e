// Alphabet: ids by position, code points, capitals, bytes, cutting, padding, and what is refused.
#include "data/alphabet.h"

#include <vector>

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;

namespace {

std::vector<float> encoded(const Alphabet& alphabet, std::string_view text, int64_t length,
                           Alphabet::Counts* counts = nullptr) {
  std::vector<float> ids(static_cast<size_t>(length), -1);
  const Alphabet::Counts found = alphabet.encode(text, length, ids.data());
  if (counts != nullptr) *counts = found;
  return ids;
}

}  // namespace

TEST_CASE("alphabet: ids by position from 2 on, 1 for others, 0 behind the end", "[data][text]") {
  const Alphabet abc("abcé好");
  CHECK(abc.ids() == 7);
  Alphabet::Counts counts;
  CHECK(encoded(abc, "cab é好x", 9, &counts) == std::vector<float>{4, 2, 3, 1, 5, 6, 1, 0, 0});
  CHECK((counts.characters == 7 && counts.unknown == 2));
  CHECK(encoded(abc, "", 2) == std::vector<float>{0, 0});
}

TEST_CASE("alphabet: a longer text is cut, and what is cut off counts as no unknown",
          "[data][text]") {
  Alphabet::Counts counts;
  CHECK(encoded(Alphabet("ab"), "aéb??", 3, &counts) == std::vector<float>{2, 1, 3});
  CHECK((counts.characters == 5 && counts.unknown == 1));
}

TEST_CASE("alphabet: a capital that it lacks is its small letter", "[data][text]") {
  CHECK(encoded(Alphabet("ab"), "ABC", 3) == std::vector<float>{2, 3, 1});
  CHECK(encoded(Alphabet("abA"), "ABa", 3) == std::vector<float>{4, 3, 2});
  CHECK(encoded(Alphabet("A"), "Aa", 2) == std::vector<float>{2, 1});
}

TEST_CASE("alphabet: an empty one is that of UTF-8's bytes, none of them unknown", "[data][text]") {
  const Alphabet bytes("");
  CHECK(bytes.ids() == 257);
  Alphabet::Counts counts;
  CHECK(encoded(bytes, "aé\xff", 5, &counts) == std::vector<float>{98, 0xC3 + 1, 0xA9 + 1, 256, 0});
  CHECK((counts.characters == 4 && counts.unknown == 0));
}

TEST_CASE("alphabet: refuses a character that is there twice", "[data][text]") {
  CHECK_THAT(message_of<ConfigError>([] { Alphabet("abécé"); }),
             contains_text("data.alphabet: 'é' is there twice"));
  CHECK_THAT(message_of<ConfigError>([] { Alphabet("a\xff"); }), contains_text("not UTF-8"));
}
