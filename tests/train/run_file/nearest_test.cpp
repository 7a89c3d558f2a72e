// The hint of an unknown key: edit distances by hand, and that candidates which are passed over unmeasured
// are no nearer than the one that is named.
#include "train/run_file/toml/nearest.h"

#include <algorithm>

#include "tests/fuzz/mutate.h"
#include "tests/support/catch.h"
#include "train/run_file/keys.h"

using namespace weft;

namespace {

/// As nearest, of every candidate.
std::string nearest_of_all(const std::string& word, const std::vector<std::string>& candidates) {
  const auto last = [](const std::string& key) { return key.substr(key.rfind('.') + 1); };
  std::string best;
  int least = 1 << 30;
  for (const std::string& candidate : candidates) {
    const int whole = 2 * edit_distance(word, candidate);
    const int moved = 2 * edit_distance(last(word), last(candidate)) + 3;
    if (std::min(whole, moved) >= least) continue;
    least = std::min(whole, moved);
    best = candidate;
  }
  return best;
}

}  // namespace

TEST_CASE("nearest: swaps count once, and a key may be in another table", "[run_file]") {
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("weigth", "weight") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(nearest("data.temperature", {"data.batch", "policy.temperature"}) == "policy.temperature");
  CHECK(nearest("x", {}).empty());
}

TEST_CASE("nearest: of every key misspelt it is the nearest of all", "[run_file]") {
  const std::vector<std::string> keys = key_names(RunFile{});
  REQUIRE(keys.size() > 200);
  size_t same = 0, at = 0;
  for (const std::string& key : keys) {
    const std::string word = test::mutate(key, 1, static_cast<uint32_t>(at++));
    INFO(word);
    const std::string found = nearest(word, keys);
    CHECK(found == nearest_of_all(word, keys));
    same += found == key;
  }
  CHECK(same > keys.size() / 2);
}

TEST_CASE("nearest: the end of a word that is longer than any key is not looked at", "[run_file]") {
  const std::vector<std::string> keys{"policy.steps", "data.batch"};
  CHECK(nearest("data.batch" + std::string(100000, 'x'), keys) == "data.batch");
  CHECK(nearest(std::string(100000, 'x') + ".steps", keys) == "policy.steps");
}
