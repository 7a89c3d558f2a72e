// weft new, of a table: which columns are numbers, categories or left out, which are tasks, and which
// are refused as labels.
#include <fmt/ranges.h>

#include "data/sets/tabular.h"
#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/first.h"
#include "train/run_file/first_guess.h"
#include "train/run_file/run_file.h"

using namespace weft;
using weft::test::message_of;

TEST_CASE("first run file: of a table numbers, categories, what is left out, and tasks",
          "[first_run_file]") {
  const test::TempFolder folder;
  const std::string path = folder.file("flats.csv");
  for (const std::string separator : {",", ";", "\t"}) {
    std::string csv = "number,rooms,town,note,country,area,rent,sold";
    for (int i = 0; i < 40; ++i)
      csv += fmt::format("\n{},{},{},said {},here,{},{},{}", i + 1, i % 7 + 1,
                         i % 3 ? "Bonn" : "Ulm", i, i % 5 ? std::to_string(40 + i) + ".5" : "NA",
                         300 + 7 * (i * 13 % 40), i % 4 ? "yes" : "no");
    for (size_t at = 0; (at = csv.find(',', at)) != std::string::npos; ++at)
      csv.replace(at, 1, separator);
    write_file(path, csv + "\n");
    const FirstRunFile first = first_run_file(path, "flats");
    INFO(first.text);
    RunFile run = parse_run_text(first.text, "flats.toml");
    CHECK(run.data.kind == DataKind::tabular);
    CHECK(run.model.trunk == TrunkName::mlp);
    CHECK(run.data.categorical == std::vector<std::string>{"town"});
    CHECK(run.data.leave_out == std::vector<std::string>{"number", "note", "country"});
    CHECK(run.data.missing == std::vector<std::string>{"NA"});
    REQUIRE(run.tasks.size() == 2);
    CHECK(run.tasks[0].name == "rent");
    CHECK(run.tasks[1].name == "sold");
    CHECK(run.tasks[1].kind == TaskKind::binary);
    CHECK(first.remarks[1] == "40 labels; the most frequent class alone is right in 75.0 %");
    CHECK(first.inputs == std::vector<std::string>{"rooms", "town", "area"});
    CHECK(first.left_out == run.data.leave_out);
    CHECK(!first.why_tasks.empty());
    const FirstRunFile named = first_run_file(path, "flats", {"rent", "rooms", "town", "area"});
    run = parse_run_text(named.text, "flats.toml");
    CHECK(named.why_tasks.empty());
    CHECK(named.inputs == std::vector<std::string>{"sold"});
    REQUIRE(run.tasks.size() == 4);
    CHECK(run.tasks[0].kind == TaskKind::regression);
    CHECK(run.tasks[0].standardize);
    CHECK(run.tasks[1].kind == TaskKind::classification);
    CHECK(run.tasks[2].kind == TaskKind::binary);
    CHECK(named.remarks[3].starts_with("32 of 40 labels; their mean alone"));
    CHECK(run.sharing == Sharing::adashare);
    const TabularDataset table(run.data, run.tasks);  // what is guessed can be read
    CHECK(table.input_names() == std::vector<std::string>{"sold"});
  }
  CHECK_THAT(message_of<DataError>([&] { first_run_file(path, "x", {"note"}); }),
             contains_text("column 'note' holds 40 different words, and is no label"));
  CHECK_THAT(message_of<DataError>([&] { first_run_file(path, "x", {"price"}); }),
             contains_text("price"));
  write_file(path, "y,a\n1,2\n2,2\n4,2\n");
  CHECK_THAT(message_of<DataError>([&] { first_run_file(path, "x"); }),
             contains_text("no column is left as an input"));
}

TEST_CASE("first run file: cells of several words that come again are sets of classes",
          "[first_run_file][label_set]") {
  const test::TempFolder folder;
  const std::string path = folder.file("t.csv");
  const std::vector<std::string> words = {"cat", "dog", "owl", "cow", "hen"};
  const auto write = [&](const std::string& between) {
    std::string csv = "x,w,note,tags";
    for (int i = 0; i < 60; ++i) {
      std::string cell;
      for (int bit = 0; bit < 5; ++bit)
        if ((i * 7 % 31 + 1) >> bit & 1)
          cell += (cell.empty() ? "" : between) + words[static_cast<size_t>(bit)];
      csv +=
          fmt::format("\n{},{},note {},\"{}\"", i * 7 % 11 + 0.5, i * 5 % 7, i, i == 9 ? "" : cell);
    }
    write_file(path, csv + "\n");
  };
  for (const std::string between : {";", "|", ", "}) {
    write(between);
    const FirstRunFile first = first_run_file(path, "tags");
    INFO(first.text);
    const RunFile run = parse_run_text(first.text, "tags.toml");
    REQUIRE(run.tasks.size() == 1);
    CHECK(run.tasks[0].column == "tags");
    CHECK(run.tasks[0].kind == TaskKind::multilabel);
    CHECK(run.tasks[0].classes == 5);
    CHECK(run.tasks[0].separator == between.substr(0, 1));
    CHECK(first.remarks[0].starts_with("59 of 60 labels of 2."));
    CHECK_THAT(first.text, contains_text("cat = 0, cow = 1, dog = 2, hen = 3, owl = 4"));
    CHECK(TabularDataset(run.data, run.tasks).input_names() == std::vector<std::string>{"x", "w"});
    // As an input it is none, and the file says so.
    CHECK_THAT(first_run_file(path, "tags", {"x"}).text,
               contains_text("# column \"tags\" holds sets of classes: left out"));
  }
  // Sentences, decimal commas and two words that always stand together are none.
  CHECK(separator_of_sets({"a; b", "c; d", "e; f"}).empty());
  CHECK(separator_of_sets({"1,5", "2,5", "1,5", "2,1"}).empty());
  CHECK(separator_of_sets({"a;b", "c", "a;b", "c"}).empty());
  CHECK(separator_of_sets({"Rome, IT", "Pisa, IT", "Lyon, FR", "Nice, FR", "Rome, IT"}).empty());
  CHECK(separator_of_sets({"0;2", "1", "2;1", "0"}) == ";");
}

TEST_CASE("first run file: of a table whose tasks nobody names, names and sets of classes say them",
          "[first_run_file]") {
  const test::TempFolder folder;
  const std::string path = folder.file("t.csv");
  const auto tasks_of = [&](const std::vector<std::string>& titles) {
    std::string csv = fmt::format("{}", fmt::join(titles, ","));
    for (int i = 0; i < 40; ++i) {
      csv += "\n";
      for (size_t c = 0; c < titles.size(); ++c) {
        const int value = (i * (3 + static_cast<int>(c)) + 1) % 23;
        csv += c ? "," : "";
        csv += titles[c] != "tags" ? fmt::format("{}.5", value)
               : i % 3 == 0        ? "sun;lift"
               : i % 3 == 1        ? "lift;quiet"
                                   : "quiet";
      }
    }
    write_file(path, csv + "\n");
    std::vector<std::string> columns;
    for (const TaskSpec& task : parse_run_text(first_run_file(path, "t").text, "t.toml").tasks)
      columns.push_back(task.column);
    return columns;
  };
  using Columns = std::vector<std::string>;
  CHECK(tasks_of({"size", "rooms", "rent", "sold", "tags"}) == Columns{"rent", "sold", "tags"});
  CHECK(tasks_of({"size", "SalePrice", "split size"}) == Columns{"split size"});
  CHECK(tasks_of({"price", "size", "units sold"}) == Columns{"units sold"});
  CHECK(tasks_of({"size", "SalePrice"}) == Columns{"SalePrice"});
  CHECK(tasks_of({"class", "size", "Wholesale"}) == Columns{"class"});
  CHECK(tasks_of({"y", "size", "net_income"}) == Columns{"y"});
  CHECK(tasks_of({"size", "tags", "rooms"}) == Columns{"tags"});
  CHECK(tasks_of({"a", "b", "c"}) == Columns{"c"});
}

TEST_CASE("first run file: a column that says one thing, or nothing, is no label",
          "[first_run_file]") {
  const test::TempFolder folder;
  const std::string path = folder.file("t.csv");
  const auto complaint = [&](const std::vector<std::string>& tasks) {
    return message_of<DataError>([&] { first_run_file(path, "x", tasks); });
  };
  write_file(path,
             "a,b,same,word,none,na,mixed,class\n1,5,3,no,,NA,1,N/A\n2,4,3.0,no,,NA,yes,u\n"
             "4,9,3,no,,NA,1,v\n8,7,3,no,,NA,1,u\n3,2,3,no,,NA,1,v\n6,1,3,no,,NA,1,null\n");
  CHECK_THAT(complaint({"same"}), contains_text("column 'same' says '3' in every row"));
  CHECK_THAT(complaint({"word"}), contains_text("column 'word' says 'no' in every row"));
  CHECK_THAT(complaint({"mixed"}), contains_text("column 'mixed' says '1' in every row"));
  CHECK_THAT(complaint({"none"}), contains_text("column 'none' is empty, and is no label"));
  CHECK_THAT(complaint({"na"}), contains_text("column 'na' is empty, and is no label"));
  const FirstRunFile first = first_run_file(path, "x", {"class"});
  const RunFile run = parse_run_text(first.text, "t.toml");
  CHECK(run.data.missing == std::vector<std::string>{"N/A", "null"});
  CHECK(run.tasks[0].kind == TaskKind::binary);
  CHECK(first.remarks[0] == "4 of 6 labels; the most frequent class alone is right in 50.0 %");
  CHECK(TabularDataset(run.data, run.tasks).input_names().size() == 4);
}

TEST_CASE("first run file: guessed tasks leave an input, or --task is asked for",
          "[first_run_file]") {
  const test::TempFolder folder;
  const std::string path = folder.file("prices.csv");
  for (const char* header : {"cost,price", "quality,score", "label,target"}) {
    std::string csv = header;
    for (int i = 0; i < 40; ++i) csv += fmt::format("\n{}.5,{}.25", i * 7 % 40, i * 11 % 40);
    write_file(path, csv + "\n");
    const FirstRunFile first = first_run_file(path, "prices");
    INFO(first.text);
    const std::string text = header;
    CHECK(first.inputs == std::vector<std::string>{text.substr(0, text.find(','))});
    const RunFile run = parse_run_text(first.text, "prices.toml");
    REQUIRE(run.tasks.size() == 1);
    CHECK(run.tasks[0].column == text.substr(text.find(',') + 1));
  }
  CHECK_THAT(message_of<DataError>([&] {
               first_run_file(path, "x", {"label", "target"});
             }),
             contains_text("no column is left as an input") && contains_text("--task"));
}
