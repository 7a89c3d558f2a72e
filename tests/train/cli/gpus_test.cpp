// Cards of a study's cells: those that CUDA shows to this process, by the names of its variable, and
// no more of them than there are.
#include "train/cli/gpus.h"

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::cli;
using weft::test::message_of;
using Names = std::vector<std::string>;

TEST_CASE("gpus: the first cards that this process sees, by their names", "[cli]") {
  CHECK(gpu_names(3, nullptr, 4) == Names{"0", "1", "2"});
  CHECK(gpu_names(2, "5,7", 2) == Names{"5", "7"});
  CHECK(gpu_names(1, "GPU-8932f937,GPU-7a5f", 2) == Names{"GPU-8932f937"});
  // A name of no card ends CUDA's list, whatever stands behind it.
  CHECK(gpu_names(1, "3,-1,4", 1) == Names{"3"});
}

TEST_CASE("gpus: more cards than there are, are refused with what there is", "[cli]") {
  const auto refused = [](int count, const char* visible, int cards) {
    return message_of<ConfigError>([&] { gpu_names(count, visible, cards); });
  };
  CHECK(refused(9, nullptr, 8) == "--gpus 9: this machine shows 8; lower it");
  CHECK(
      refused(3, "5,7", 2) ==
      "--gpus 3: CUDA_VISIBLE_DEVICES is \"5,7\", which shows 2; lower the one or unset the other");
  CHECK(refused(2, "3,-1,4", 1).find("which shows 1; lower") != std::string::npos);
  CHECK(refused(2, "0,99", 1).find("which shows 1; lower") != std::string::npos);
  CHECK(refused(1, "none", 0).find("which shows 0; lower") != std::string::npos);
}

TEST_CASE("gpus: a further cell goes to the card with the fewest", "[cli]") {
  CHECK(idlest({0, 0, 0}) == 0);
  CHECK(idlest({2, 1, 1}) == 1);
  CHECK(idlest({1, 1, 0}) == 2);
}

TEST_CASE("gpus: ranks of one machine share its cards out", "[cli]") {
  const Names cards{"0", "1", "2", "3", "4"};
  CHECK(shared_out(cards, 0, 2) == Names{"0", "2", "4"});
  CHECK(shared_out(cards, 1, 2) == Names{"1", "3"});
  CHECK(shared_out(cards, 0, 1) == cards);
  CHECK(shared_out({"a", "b"}, 2, 3) == Names{"a"});  // more ranks than cards
  CHECK(shared_out({}, 0, 2).empty());
}
