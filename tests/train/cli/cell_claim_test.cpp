// A cell is one process's at a time, whoever looks, and free again when the last that holds it ends.
#include "train/cli/cell_claim.h"

#include <chrono>
#include <cstdio>

#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::cli;
using weft::test::TempFolder;

TEST_CASE("cell claim: one process has it, until it lets go", "[study]") {
  const TempFolder folder;
  const std::string path = folder.file("claims/rooms/hard/seed-1");
  {
    const auto first = CellClaim::take(path);
    REQUIRE(first);
    CHECK_FALSE(CellClaim::take(path));
    CHECK(CellClaim::take(folder.file("claims/rooms/hard/seed-2")));
  }
  CHECK(CellClaim::take(path));
}

TEST_CASE("cell claim: a child that inherits it keeps it, others do not", "[study]") {
  const TempFolder folder;
  const std::string path = folder.file("claim");
  for (const bool inherits : {false, true}) {
    auto claim = CellClaim::take(path);
    REQUIRE(claim);
    claim->let_children_inherit(inherits);
    std::FILE* const child = popen("read line", "w");  // until its input ends
    REQUIRE(child != nullptr);
    claim.reset();
    CHECK(CellClaim::take(path).has_value() == !inherits);
    pclose(child);
    CHECK(CellClaim::take(path));
  }
}

TEST_CASE("cell claim: what was noted is for those that began before", "[study]") {
  using Clock = std::chrono::system_clock;
  const TempFolder folder;
  const std::string path = folder.file("claim");
  const auto before = Clock::now() - std::chrono::seconds(1);
  CHECK_FALSE(CellClaim::take(path)->noted_since(before));
  CellClaim::take(path)->note(137);
  CHECK(CellClaim::take(path)->noted_since(before) == 137);
  CHECK_FALSE(CellClaim::take(path)->noted_since(Clock::now() + std::chrono::seconds(1)));
  CellClaim::take(path)->note(2);
  CHECK(CellClaim::take(path)->noted_since(before) == 2);
}

TEST_CASE("cell claim: a file that cannot be made is an error that names it", "[study]") {
  const TempFolder folder;
  make_folder(folder.file("claim"));
  CHECK(test::message_of<DataError>([&] { CellClaim::take(folder.file("claim")); }) ==
        folder.file("claim") + ": cannot be locked: Is a directory");
}
