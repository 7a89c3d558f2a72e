// weft new, of texts: which columns are free text, how much of it the network reads, and that the run file
// reads what it was guessed from.
#include "train/run_file/first_text.h"

#include <zlib.h>

#include <filesystem>

#include "data/sets/text.h"
#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/first.h"
#include "train/run_file/run_file.h"

using namespace weft;
using weft::test::message_of;

namespace {

/// Row i: three to nine words of seven letters, no two rows alike.
std::string text_of(int i) {
  std::string text = fmt::format("\"row, {:05}", i);
  for (int word = 0; word < 2 + i % 7; ++word)
    text += fmt::format(" word{:03}", (i * 7 + word) % 400);
  return text + "\"";
}

/// A table of n rows: `cells` of each.
template <class F>
std::string csv_of(const std::string& header, int n, F&& cells) {
  std::string csv = header;
  for (int i = 0; i < n; ++i) csv += "\n" + cells(i);
  return csv + "\n";
}

}  // namespace

TEST_CASE("first run file: texts beside a label are read by a VD-CNN, whole but for the longest",
          "[first_run_file][text]") {
  const test::TempFolder folder;
  const std::string path = folder.file("mails.csv");
  for (const bool packed : {false, true}) {
    const std::string csv = csv_of("id,text,kind,split", 300, [](int i) {
      return fmt::format("{},{},{},{}", 1000 + 3 * i, text_of(i), i % 3 ? "ham" : "spam",
                         i % 10 == 0   ? "test"
                         : i % 10 == 1 ? "val"
                                       : "train");
    });
    const std::string file = packed ? path + ".gz" : path;
    if (packed) {
      const gzFile out = gzopen(file.c_str(), "wb");
      gzwrite(out, csv.data(), static_cast<unsigned>(csv.size()));
      gzclose(out);
    } else {
      write_file(file, csv);
    }
    const FirstRunFile first = first_run_file(file, "mails");
    INFO(first.text);
    const RunFile run = parse_run_text(first.text, "mails.toml");
    CHECK(run.data.kind == DataKind::text);
    CHECK(run.model.trunk == TrunkName::vdcnn9);
    CHECK(run.sharing == Sharing::hard);
    CHECK(run.data.columns == std::vector<std::string>{"text"});
    CHECK(run.data.split == "split");
    CHECK(run.data.alphabet.empty());
    // The longest has 10 + 8 * 8 bytes; nineteen of twenty are no longer than the length.
    CHECK(run.data.length == 80);
    CHECK_THAT(first.text, contains_text("0 of 300 texts are longer"));
    REQUIRE(run.tasks.size() == 1);
    CHECK(run.tasks[0].kind == TaskKind::binary);
    CHECK(run.tasks[0].column == "kind");
    CHECK(first.inputs == run.data.columns);
    CHECK(first.left_out == std::vector<std::string>{"id"});
    const TextDataset data(run.data, run.tasks);  // what is guessed can be read
    CHECK(data.size() == 300);
    CHECK(data.split(1) == Split::val);
    CHECK(data.class_of(0, 0) == 1);
  }
  // In a folder, packed or not, the only table is the one.
  std::filesystem::remove(path);
  CHECK_THAT(first_run_file(folder.path(), "mails").text,
             contains_text("index = \"mails.csv.gz\""));
}

TEST_CASE(
    "first run file: of long texts the start is read, columns of text are joined, and several "
    "tasks learn what they share",
    "[first_run_file][text]") {
  const test::TempFolder folder;
  const std::string path = folder.file("t.csv");
  write_file(path, csv_of("subject,body,topic,stars,tone", 200, [](int i) {
               std::string body = text_of(i + 500);
               while (body.size() < 3000) body.insert(body.size() - 1, " and so on");
               return fmt::format("{},{},topic {},{},{}", text_of(i), body, i % 30, i % 20 + 1,
                                  i % 2 ? "kind" : "harsh");
             }));
  const FirstRunFile first = first_run_file(path, "t", {"topic", "stars", "tone"});
  INFO(first.text);
  const RunFile run = parse_run_text(first.text, "t.toml");
  CHECK(run.data.columns == std::vector<std::string>{"subject", "body"});
  CHECK(run.data.length == 1024);
  CHECK(run.data.ratio[0] > 0);
  CHECK(run.sharing == Sharing::adashare);
  REQUIRE(run.tasks.size() == 3);
  CHECK(run.tasks[0].classes == 30);
  CHECK(run.tasks[1].kind == TaskKind::classification);  // 20 whole numbers are no quantity here
  CHECK(TextDataset(run.data, run.tasks).size() == 200);
  // Nobody has named the others: they are inputs, and a table has no use for text.
  const FirstRunFile table = first_run_file(path, "t");
  CHECK(parse_run_text(table.text, "t.toml").data.kind == DataKind::tabular);
  CHECK_THAT(table.text,
             contains_text("# column \"body\" is text, and the others are a table: left out"));
}

TEST_CASE("first run file: a row without text is named, and text is no label",
          "[first_run_file][text]") {
  const test::TempFolder folder;
  const std::string path = folder.file("t.csv");
  const auto complaint = [&](const std::vector<std::string>& tasks) {
    return message_of<DataError>([&] { first_run_file(path, "t", tasks); });
  };
  write_file(path, csv_of("text,label", 40, [](int i) {
               return (i == 20 ? "" : text_of(i)) + (i % 2 ? ",a" : ",b");
             }));
  CHECK(complaint({}) == path + ":22: there is no text in this row (text): take it out");
  CHECK_THAT(complaint({"text"}), contains_text("column 'text' holds 39 different words"));
  write_file(path,
             csv_of("text,note", 40, [](int i) { return text_of(i) + "," + text_of(i + 40); }));
  CHECK_THAT(complaint({}), contains_text("no column is a label"));
}

TEST_CASE(
    "free text: sentences, but neither names, addresses, codes nor a few words that come again",
    "[first_run_file][text]") {
  const auto cells = [](auto make) {
    std::vector<std::string> out;
    for (int i = 0; i < 40; ++i) out.push_back(make(i));
    return out;
  };
  CHECK(
      is_free_text(cells([](int i) { return fmt::format("what is the number {} good for?", i); })));
  CHECK_FALSE(is_free_text(cells([](int i) { return fmt::format("Ada Lovelace the {}th", i); })));
  CHECK_FALSE(is_free_text(cells([](int i) { return fmt::format("{} Long Street, Bonn", i); })));
  CHECK_FALSE(
      is_free_text(cells([](int i) { return fmt::format("a-code-of-many-letters-{}", i); })));
  CHECK_FALSE(is_free_text(
      cells([](int i) { return fmt::format("it is one of a few things {}", i % 9); })));
  CHECK_FALSE(is_free_text({}));
}

TEST_CASE("first run file: a text that ends in a picture's address makes no index of pictures",
          "[first_run_file][text]") {
  const test::TempFolder folder;
  const std::string path = folder.file("t.csv");
  write_file(path, csv_of("text,label", 40, [](int i) {
               return fmt::format("look at this one: http://a.org/{}{},{}", i, i % 3 ? "" : ".png",
                                  i % 2 ? "a" : "b");
             }));
  CHECK(parse_run_text(first_run_file(path, "t").text, "t.toml").data.kind == DataKind::text);
}
