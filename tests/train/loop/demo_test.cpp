// The demo's run file is one that weft reads, and its seed is the rooms' as well as the network's.
#include "tests/support/catch.h"
#include "train/cli/demo_run.h"
#include "train/step/open_data.h"

using namespace weft;

namespace {

RunFile demo(int64_t seed, const std::vector<std::string>& settings = {}) {
  return parse_run_text(cli::demo_run, "demo", cli::demo_settings(seed, settings));
}

}  // namespace

TEST_CASE("demo: another seed shows other rooms, in every part", "[demo]") {
  RunFile one = demo(1), two = demo(2);
  CHECK((one.seed == 1 && two.seed == 2));
  const auto rooms = open_dataset(one), others = open_dataset(two), again = open_dataset(one);
  for (const int64_t i : {int64_t{0}, one.data.count, rooms->size() - 1}) {
    CHECK(rooms->load(i).image.pixels != others->load(i).image.pixels);
    CHECK(rooms->load(i).image.pixels == again->load(i).image.pixels);
  }
}

TEST_CASE("demo: what the user sets wins over the seed", "[demo]") {
  const RunFile run = demo(2, {"data.seed=7", "data.batch=4"});
  CHECK((run.seed == 2 && run.data.seed == 7 && run.data.batch == 4));
}
