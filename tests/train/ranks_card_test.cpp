// Which card is a rank's, by what its host shows.
#include "tests/support/catch.h"
#include "train/ranks/job.h"

using namespace weft;

TEST_CASE("ranks: each takes its own card of those that its host shows", "[ranks]") {
  CHECK(card_of({0, 2}, nullptr) == "0");
  CHECK(card_of({1, 2}, nullptr) == "1");
  CHECK(card_of({1, 2}, "3,5") == "5");
  CHECK(card_of({2, 3}, "3,5") == "-1");
  CHECK(card_of({1, 2}, "GPU-1a2b") == "GPU-1a2b");  // its starter's choice
}
