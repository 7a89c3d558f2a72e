// op_check's own messages.
#include "tests/support/op_check.h"

using namespace weft;

TEST_CASE("op_check says where it failed, and what the inputs are there", "[support]") {
  OpCase c;
  c.inputs = {{2, 3}, {3}, {2, 3}, {1}};
  const std::vector<Values> values{{1, 2, 3, 4, 5.25, 6}, {7, 8, 9}, {0, 0, 0, 0, -1, 0}, {0.5}};
  CHECK(inputs_at(c, values, {2, 3}, 4) ==
        " at [1, 1], where input 0 is 5.25 and input 2 is -1 and input 3 is 0.5");
  CHECK(inputs_at(c, values, {3}, 2) == " at [2], where input 1 is 9 and input 3 is 0.5");
  CHECK(inputs_at(c, {}, {2, 2, 2}, 5) == " at [1, 0, 1]");
}
