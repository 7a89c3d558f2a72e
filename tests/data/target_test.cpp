// Targets that are computed from columns: what is read, what is refused and where, and that a
// prediction goes back to the column it came from.
#include "data/target.h"

#include <cmath>

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;

TEST_CASE("a target is a product of columns and numbers, perhaps its log10", "[target]") {
  const Target t =
      parse_target("log10(2e-1 * id.n * L_um / W_um / vds^-0.5 * 3)", "id.n", "target");
  CHECK(t.log10);
  CHECK(t.m.factor == Catch::Approx(0.6));
  CHECK(t.m.powers == std::map<std::string, double>{{"L_um", 1}, {"W_um", -1}, {"vds", 0.5}});
  CHECK(t.m.power_of("W_um") == -1);
  CHECK(t.m.power_of("vgs") == 0);
  const auto number = [](const std::string& column) {
    return column == "L_um" ? 0.5 : column == "W_um" ? 7.0 : 1.8;
  };
  const double m = 0.6 * 0.5 / 7.0 * std::sqrt(1.8), id = 3.3e-5;
  CHECK(t.m.value(number) == Catch::Approx(m).epsilon(1e-14));
  CHECK(t.of(id, m) == Catch::Approx(std::log10(id * m)));
  CHECK(t.back(t.of(id, m), m) == Catch::Approx(id).epsilon(1e-12));
  const Target plain = parse_target("id/W", "id", "target");
  CHECK(!plain.log10);
  CHECK(plain.of(6, 0.5) == 3);
  CHECK(plain.back(3, 0.5) == 6);
}

TEST_CASE("a condition is a product above a number; a slope is a column by another", "[target]") {
  const Condition c = parse_condition("id * L / W > 1e-6", "strong");
  CHECK(c.least == 1e-6);
  CHECK(c.product.power_of("W") == -1);
  const Slope s = parse_slope("gm: vgs", "slopes");
  CHECK(s.label == "gm");
  CHECK(s.input == "vgs");
  CHECK(s.weight == 0);
  CHECK(parse_slope("gm: vgs, weight 0.1", "slopes").weight == 0.1);
  CHECK(learns_slopes({"gm: vgs", "gds: vds, weight 2"}, "slopes"));
  CHECK(!learns_slopes({"gm: vgs", "gds: vds"}, "slopes"));
}

TEST_CASE("what is no target is refused, with the place", "[target]") {
  const auto refused = [](const std::string& text) {
    return message_of<ConfigError>([&] { parse_target(text, "id", "f.toml:3: 'target'"); });
  };
  CHECK_THAT(refused("log10(id + 1)"),
             contains_text("f.toml:3: 'target': \"log10(id + 1)\" is not understood at \"+ 1)\""));
  CHECK_THAT(refused("exp(id)"), contains_text("at \"(id)\""));
  CHECK_THAT(refused("log10(id"), contains_text("a ) is expected"));
  CHECK_THAT(refused("id * -2"), contains_text("a factor is more than 0"));
  CHECK_THAT(refused("id * "), contains_text("a column is expected"));
  CHECK_THAT(refused("id * id"), contains_text("the label's column 'id' to the first power"));
  CHECK_THAT(refused("log10(W)"), contains_text("the label's column 'id' to the first power"));
  CHECK_THAT(message_of<ConfigError>([] { parse_condition("id", "strong"); }),
             contains_text("a > is expected"));
  CHECK_THAT(message_of<ConfigError>([] { parse_slope("gm", "slopes"); }),
             contains_text("a : is expected"));
  CHECK_THAT(message_of<ConfigError>([] { parse_slope("gm: vgs, 0.1", "slopes"); }),
             contains_text("weight is expected"));
  CHECK_THAT(message_of<ConfigError>([] { parse_slope("gm: vgs, weight 0", "slopes"); }),
             contains_text("a finite number above 0"));
}
