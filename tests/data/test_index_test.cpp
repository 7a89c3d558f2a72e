// data.test_index: its columns are found by name, in any order, and a file that names others, or
// none, is refused.
#include "data/sets/tabular.h"
#include "tests/support/catch.h"
#include "tests/support/small_sets.h"

using namespace weft;
using namespace weft::test;

TEST_CASE("tables: the test file's columns are found by name", "[tabular]") {
  const TempFolder folder;
  DataSpec data = DataSpec{};
  data.kind = DataKind::tabular;
  data.root = folder.path();
  data.index = "t.csv";
  data.normalize = Normalize::none;
  data.test_index = "u.csv";
  const auto open = [&](const std::string& train, const std::string& test) {
    write_file(folder.file("t.csv"), train);
    write_file(folder.file("u.csv"), test);
    return TabularDataset(data, {task_of("y", TaskKind::regression)});
  };
  const auto refused = [&](const std::string& train, const std::string& test) {
    return message_of<DataError>([&] { open(train, test); });
  };
  const std::string train = "a,b,y\n1,2,3\n3,5,7\n";
  const auto test_row = [](const TabularDataset& set) {
    const Sample sample = set.load(2);
    return std::vector<float>{sample.image.pixels[0], sample.image.pixels[1],
                              sample.labels[0].pixels[0]};
  };
  const auto same = test_row(open(train, "a,b,y\n4,5,6\n"));
  CHECK(test_row(open(train, "y,a,b\n6,4,5\n")) == same);
  CHECK(test_row(open(train, " b , y,a\n5, 6,4\n")) == same);
  CHECK_THAT(refused(train, "u,v,w\n4,5,6\n"),
             contains_text("column 'a' is missing") && contains_text("names u, v, w"));
  CHECK_THAT(refused(train, "4,5,6\n7,8,9\n"),
             contains_text("names 4, 5, 6") && contains_text("data.header"));
  CHECK_THAT(refused(train, "a,b,y,extra\n4,5,6,7\n"), contains_text("'extra' is not in t.csv"));
  CHECK_THAT(refused(train, "a,y\n4,6\n"), contains_text("column 'b' is missing"));
  CHECK_THAT(refused(train, "a,a,y\n4,5,6\n"), contains_text("u.csv") && contains_text("'a'"));
  CHECK_THAT(refused("a,y,y\n1,2,3\n", "a,y,y\n4,5,6\n"),
             contains_text("t.csv") && contains_text("'y'"));
  data.test_index = data.index;
  CHECK_THAT(message_of<ConfigError>([&] { open(train, train); }),
             contains_text("the test file, t.csv, is the training file"));
  data.test_index = "u.csv";
  data.header = {"a", "b", "y"};
  CHECK(test_row(open("1,2,3\n3,5,7\n", "4,5,6\n")) == same);
  CHECK_THAT(refused("1,2,3\n3,5,7\n", "a,b,y\n4,5,6\n"),
             contains_text("u.csv:1") && contains_text("leave out data.header"));
}
