// Philox: the published words, the vectorised form, and the shapes of what is made of them.
#include <cmath>
#include <set>
#include <vector>

#include "engine/philox.h"
#include "tests/support/catch.h"

namespace weft {
namespace {

Philox raw(uint32_t key0, uint32_t key1, uint32_t c1, uint32_t c2, uint32_t c3) {
  Philox p(0, Stream::data, 0, uint64_t{0});
  p.key0 = key0, p.key1 = key1, p.step = c1, p.name0 = c2, p.name1 = c3;
  return p;
}

}  // namespace

TEST_CASE("philox: Random123's known answers", "[engine]") {
  using Words = std::array<uint32_t, 4>;
  CHECK(raw(0, 0, 0, 0, 0).block(0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  // Key and counter from pi's digits.
  CHECK(raw(0xa4093822, 0x299f31d0, 0x85a308d3, 0x13198a2e, 0x03707344).block(0x243f6a88) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("philox: words() are block()'s, also past 2^34 elements", "[engine]") {
  const Philox philox(42, Stream::dropout, 9, "heads.seg.aspp0.drop1");
  for (uint64_t first :
       {uint64_t{0}, uint64_t{128}, uint64_t{1} << 34, (uint64_t{1} << 34) - 128}) {
    uint32_t words[Philox::group];
    philox.words(first, words);
    for (uint64_t i = 0; i < Philox::group; ++i) REQUIRE(words[i] == philox.word(first + i));
  }
}

TEST_CASE("philox: seed, stream, step, name and element all matter", "[engine]") {
  std::set<uint32_t> words;
  for (uint64_t seed : {uint64_t{1}, uint64_t{2}, uint64_t{1} << 32})
    for (Stream stream :
         {Stream::data, Stream::init, Stream::gumbel, Stream::dropout, Stream::policy})
      for (uint32_t step : {0U, 1U})
        for (const char* name : {"a", "b"})
          for (uint64_t element : {uint64_t{0}, uint64_t{1}, uint64_t{4}, uint64_t{1} << 34})
            words.insert(Philox(seed, stream, step, name).word(element));
  CHECK(words.size() == 3 * 5 * 2 * 2 * 4);
}

TEST_CASE("philox: uniforms lie inside (0, 1), normals have their moments", "[engine]") {
  CHECK(Philox::to_unit(0) == 0.5 / 16777216);
  CHECK(Philox::to_unit(0xFFFFFFFFU) == 1 - 0.5 / 16777216);
  const Philox philox(1, Stream::init, 0, "w");
  const int n = 20000;
  double mean = 0, square = 0, uniform = 0;
  std::vector<int> counts(7);
  for (int i = 0; i < n; ++i) {
    const double x = philox.normal(i);
    mean += x / n;
    square += x * x / n;
    uniform += philox.uniform(i) / n;
    ++counts.at(philox.below(i, 7));
  }
  CHECK(std::abs(mean) < 4 / std::sqrt(n));
  CHECK(std::abs(square - 1) < 4 * std::sqrt(2.0 / n));
  CHECK(std::abs(uniform - 0.5) < 4 * std::sqrt(1 / 12.0 / n));
  for (int count : counts) CHECK(std::abs(count - n / 7.0) < 4 * std::sqrt(n / 7.0));
}

TEST_CASE("philox: names are hashed by FNV-1a", "[engine]") {
  CHECK(hash_name("") == 0xcbf29ce484222325ULL);
  CHECK(hash_name("a") == 0xaf63dc4c8601ec8cULL);
}

}  // namespace weft
