// Errors: the family that decides the exit code, and places as paths from the root.
#include <string>
#include <type_traits>

#include "engine/error.h"
#include "tests/support/catch.h"

namespace weft {

TEST_CASE("errors: what is the user's and what is weft's", "[engine]") {
  CHECK_THROWS_AS(throw ConfigError("x"), UserError);
  CHECK_THROWS_AS(throw DataError("x"), UserError);
  CHECK_THROWS_AS(throw MemoryError("x"), UserError);
  CHECK_THROWS_AS(throw ShapeError("x"), UserError);
  CHECK_THROWS_AS(throw NumericError("x"), UserError);
  CHECK_FALSE((std::is_base_of_v<UserError, Error>));
}

TEST_CASE("errors: places are paths from the repository's root", "[engine]") {
  const std::string root(__FILE__, sizeof(__FILE__) - sizeof("tests/engine/error_test.cpp"));
  const std::string inside = root + "models/resnet.cpp";
  CHECK((SourceLoc{inside.c_str(), 71}.str()) == "models/resnet.cpp:71");
  CHECK((SourceLoc{"/elsewhere/ops/mine.cpp", 5}.str()) == "/elsewhere/ops/mine.cpp:5");
  CHECK_THROWS_WITH(shape_error("conv2d", SourceLoc{"/w/mine.cpp", 9}, "weight {}", 3),
                    "conv2d: weight 3 (/w/mine.cpp:9)");
  const SourceLoc here = SourceLoc::here();
  CHECK(here.line == __LINE__ - 1);
  CHECK(here.str() == fmt::format("tests/engine/error_test.cpp:{}", here.line));
}

}  // namespace weft
