// CSV files as other programs write them: what is read, and what is refused with file, line and
// column: encodings, line ends, separators, titles, quotes, and cells that are no numbers.
#include <zlib.h>

#include "data/sets/cells.h"
#include "data/sets/csv_dataset.h"
#include "data/sets/tabular.h"
#include "engine/error.h"
#include "io/csv.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string refusal(const std::string& text, const CsvFormat& format = {}) {
  return message_of<DataError>([&] { parse_csv(text, "t.csv", format); });
}

/// ASCII as UTF-16, little or big endian.
std::string wide(const std::string& text, bool big) {
  std::string out;
  for (const char c : text) (out += big ? '\0' : c) += big ? c : '\0';
  return out;
}

TaskSpec label(TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = task.column = "y";
  task.kind = kind;
  task.classes = classes;
  return task;
}

float read_label(const std::string& cell, const TaskSpec& task) {
  return label_of_cell(cell, {}, task, "t.csv:7", "y");
}

std::string label_refusal(const std::string& cell, const TaskSpec& task) {
  return message_of<DataError>([&] { read_label(cell, task); });
}

}  // namespace

TEST_CASE("csv: UTF-16, NUL bytes and other encodings are named", "[csv]") {
  const std::string text = "a,b\n1,2\n";
  CHECK(refusal("\xff\xfe" + wide(text, false)) == "t.csv: is UTF-16 text; save it as UTF-8");
  CHECK(refusal("\xfe\xff" + wide(text, true)) == "t.csv: is UTF-16 text; save it as UTF-8");
  CHECK(refusal(wide(text, false)) == "t.csv: is UTF-16 text; save it as UTF-8");
  CHECK(refusal(wide(text, true)) == "t.csv: is UTF-16 text; save it as UTF-8");
  CHECK_THAT(refusal(text + std::string(1, '\0')), contains_text("t.csv:3: byte 0x00"));
  CHECK_THAT(refusal("a,b\r1,gr\xf6\xdf"), contains_text("t.csv:2: byte 0xf6"));
  CHECK_THAT(refusal("a,b\n1,\xed\xa0\x80"), contains_text("t.csv:2: byte 0xed"));  // surrogate
  CHECK_THAT(refusal("a,b\n1,\xc0\xaf"), contains_text("byte 0xc0"));               // overlong
  CHECK(parse_csv("\xEF\xBB\xBFgr\xc3\xb6\xc3\x9f\n\xf0\x9f\x8c\xb1", "t").rows[0][0] ==
        "\xf0\x9f\x8c\xb1");
}

TEST_CASE("csv: LF, CRLF and CR alone end a line, and lines are counted alike", "[csv]") {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const Csv csv =
        parse_csv("a,b" + end + "1,2" + end + end + "3,\"x" + end + "y\"" + end + "5,6", "t.csv");
    CHECK(csv.rows == Rows{{"1", "2"}, {"3", "x" + end + "y"}, {"5", "6"}});
    CHECK(csv.lines == std::vector<int>{2, 4, 6});
    CHECK_THAT(refusal("a,b" + end + "1,2" + end + "3" + end), contains_text("t.csv:3: 1 cells"));
  }
  CHECK(parse_csv("|c\ra\r1", "t", {{}, "|", ""}).lines == std::vector<int>{3});
}

TEST_CASE("csv: the separator is the one that fits, or is asked for", "[csv]") {
  const Rows want{{"1", "2"}};
  for (const std::string s : {",", ";", "\t"}) {
    CHECK(parse_csv("a" + s + "b\n1" + s + "2", "t").rows == want);
    const std::string word = s == "\t" ? "tab" : s;
    CHECK(parse_csv("a" + s + "b\n1" + s + "2", "t", {{}, "", word}).rows == want);
    CHECK(parse_csv("sep=" + s + "\r\na" + s + "b\r\n1" + s + "2", "t").rows == want);
    CHECK(parse_csv("sep=" + s + "\na" + s + "b\n1" + s + "2", "t").lines == std::vector<int>{3});
  }
  // The first line shows several: the one that cuts every line alike.
  CHECK(parse_csv("name;weight, kg\nx;1\ny;2", "t").header[1] == "weight, kg");
  CHECK(parse_csv("\"a;b\",c\n\"1;2\",3", "t").rows == Rows{{"1;2", "3"}});
  CHECK_THAT(refusal("a;b,c\n1;2,3\n"), contains_text("',' or by ';'; set data.separator"));
  CHECK(parse_csv("a;b,c\n1;2,3\n", "t", {{}, "", ";"}).rows == Rows{{"1", "2,3"}});
  // A file whose columns the run file names.
  CHECK(parse_csv("1,5;2;3\n", "t", {{"a", "b", "c"}, "", ""}).rows == Rows{{"1,5", "2", "3"}});
  CHECK_THAT(refusal("sep=|\na|b\n"), contains_text("t.csv:1: sep=|"));
  CHECK_THAT(refusal("sep=;\na;b\n", {{}, "", ","}), contains_text("data.separator is \",\""));
  CHECK_THAT(message_of<ConfigError>([] {
               parse_csv("a|b", "t", {{}, "", "|"});
             }),
             contains_text("data.separator: '|'"));
}

TEST_CASE("csv: each column has a name of its own", "[csv]") {
  CHECK(refusal("a,b, a\n") == "t.csv:1: columns 1 and 3 are both called 'a'; rename one");
  CHECK_THAT(refusal("a,,c\n"), contains_text("t.csv:1: column 2 of 3 has no name"));
  CHECK_THAT(refusal("\n\na,b,\n1,2,\n"), contains_text("t.csv:3: column 3 of 3 has no name"));
  CHECK_THAT(refusal("1,2\n", {{"x", "x"}, "", ""}), contains_text("data.header: columns 1 and 2"));
}

TEST_CASE("csv: spaces at a cell's ends go, quotes or not", "[csv]") {
  CHECK(parse_csv(" a , \"b\" \n 1 , \" x, y \" \n\t2\t,3 ", "t").rows ==
        Rows{{"1", "x, y"}, {"2", "3"}});
  CHECK(parse_csv("a\tb\n 1 \t\t\n", "t", {{"x", "y", "z"}, "a", ""}).rows == Rows{{"1", "", ""}});
  CHECK_THAT(refusal("a,b\n1,\"2\" 3\n"), contains_text("t.csv:2: column 2: text after a closing"));
  CHECK_THAT(refusal("a,b\n1,\"2\n3,4\n"), contains_text("t.csv:2: column 2: a quote is never"));
}

TEST_CASE("cells: decimal numbers that a float holds, and nothing else", "[csv]") {
  const auto number = [](const char* cell) { return number_of(cell).value_or(-99); };
  CHECK((number("1") == 1 && number("-1.5") == -1.5 && number("+2.") == 2 && number(".5") == 0.5));
  CHECK((number("1e3") == 1000 && number("-2E-2") == -0.02 && number("007") == 7));
  for (const char* cell :
       {"",      "-",     ".",   "e5",       "1e",    "0x10", "0x1p3",       "inf",
        "-inf",  "nan",   "NaN", "infinity", "1e400", "1e39", "1_000",       "1,5",
        "1 000", "1'000", "12a", "--1",      "1.2.3", "true", "\xef\xbc\x91"}) {
    CAPTURE(cell);
    CHECK(!number_of(cell));
  }
  CHECK(no_number("1,5") == "'1,5' has a decimal comma; write 1.5");
  CHECK(no_number("-inf") == "'-inf' is no finite number");
  CHECK(no_number("1e300") == "'1e300' is a number that no float holds");
  CHECK(no_number("0x10") == "'0x10' is no number");
}

TEST_CASE("cells: labels are finite, and words of truth are 1 and 0", "[csv]") {
  const TaskSpec number = label(TaskKind::regression), truth = label(TaskKind::binary);
  CHECK((read_label("TRUE", truth) == 1 && read_label("No", truth) == 0));
  CHECK((read_label("true", number) == 1 && read_label("2.5", number) == 2.5f));
  CHECK(label_refusal("1e300", number) ==
        "t.csv:7: column 'y': '1e300' is a number that no float holds");
  CHECK_THAT(label_refusal("nan", number),
             contains_text("t.csv:7: column 'y': 'nan' is no finite"));
  CHECK_THAT(label_refusal("inf", truth), contains_text("'inf' is no finite number"));
  CHECK_THAT(label_refusal("2", truth), contains_text("t.csv:7: column 'y': task 'y': label id 2"));
  TaskSpec scaled = number;
  scaled.scale = 1e30;
  CHECK_THAT(label_refusal("1e20", scaled), contains_text("times the scale 1e+30"));
  const TaskSpec classes = label(TaskKind::classification, 3);
  const auto names = [&](const Rows& rows) {
    return names_of_classes(rows, 0, "y", classes, "t.csv");
  };
  CHECK(names({{"b"}, {"a"}, {""}}) == std::vector<std::string>{"a", "b"});
  CHECK(names({{"0"}, {"1"}, {"inf"}}).empty());  // whose line label_of_cell names
  CHECK_THAT(message_of<DataError>([&] {
               names({{"cat"}, {"nan"}});
             }),
             contains_text("t.csv: column 'y': 'nan' is no class"));
}

TEST_CASE("csv and tabular: one way to read a file for both", "[csv]") {
  const test::TempFolder folder;
  write_png(folder.file("i.png"), Picture(8, 8, 3, 0.5f));
  DataSpec data;
  data.root = folder.path();
  data.ratio = {0.1, 0.1};
  const auto write = [&](const std::string& rows) {
    write_file(folder.file("index.csv"), "image;x; y \r" + rows);
  };
  const auto csv = [&] {
    data.kind = DataKind::csv;
    return CsvDataset(data, {label(TaskKind::regression)}).load(0).labels[0].pixels[0];
  };
  const auto table = [&] {
    data.kind = DataKind::tabular;
    data.leave_out = {"image"};
    const TabularDataset set(data, {label(TaskKind::regression)});
    return set.load(0).labels[0].pixels[0];
  };
  write(" i.png ;true; 2.5 \r");
  CHECK((csv() == 2.5f && table() == 2.5f));
  for (const char* cell : {"1e300", "-inf", "NaN", "2,5", "0x2"}) {
    CAPTURE(cell);
    write(fmt::format("i.png;1;3\ri.png;1;{}\r", cell));
    CHECK_THAT(message_of<DataError>(csv),
               contains_text("index.csv:3: column 'y': '" + std::string(cell)));
    CHECK_THAT(message_of<DataError>(table),
               contains_text("index.csv:3: column 'y': '" + std::string(cell)));
    write(fmt::format("i.png;1;3\ri.png;{};3\r", cell));  // an input
    CHECK_THAT(message_of<DataError>(table),
               contains_text("index.csv:3: column 'x': '" + std::string(cell)));
  }
  data.separator = ",";
  CHECK_THAT(message_of<DataError>(csv), contains_text("no column 'image'"));
}

TEST_CASE("csv: packed files keep being read", "[csv]") {
  const test::TempFolder folder;
  const std::string path = folder.file("t.csv.gz"), text = "a\tb\r\n1\t2\r\n";
  gzFile out = gzopen(path.c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  CHECK(read_csv(path).rows == Rows{{"1", "2"}});
}
