// weft new: each kind of column is recognised, the text parses, and the user learns what was left
// out.
#include "train/run_file/first.h"

#include "engine/error.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/run_file.h"

#include <set>

#include "engine/philox.h"

using namespace weft;
using weft::test::message_of;

namespace {

std::string csv_cell(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

/// A folder called `name` with an index of an image, and a column of numbers for each title.
RunFile run_of(const std::string& name, const std::vector<std::string>& titles) {
  const test::TempFolder folder;
  const std::string data = folder.file(name);
  make_folder(data);
  write_png(join_path(data, "i.png"), Picture(8, 8, 3, 0.5f));
  std::string header = "image", first = "\ni.png", second = first;
  for (const std::string& title : titles)
    header += "," + csv_cell(title), first += ",0.5", second += ",1.5";
  write_file(join_path(data, "index.csv"), header + first + second + "\n");
  const std::string text = first_run_file(data, name).text;
  INFO(text);
  RunFile run = parse_run_text(text, "new.toml");
  CHECK(run.data.root == data);
  CHECK(std::set<char>(run.name.begin(), run.name.end()).count('/') == 0);
  std::vector<std::string> columns;
  for (const TaskSpec& task : run.tasks) columns.push_back(task.column);
  CHECK(columns == titles);
  return run;
}

}  // namespace

TEST_CASE("first run file: any folder's name and any column's title parses", "[first_run_file]") {
  const std::vector<std::string> nasty = {"my data",
                                          "Gr\xc3\xb6\xc3\x9f"
                                          "e",
                                          "qu\"ote",
                                          "back\\slash",
                                          "line\nbreak",
                                          "tab\there",
                                          "total",
                                          "name",
                                          "-",
                                          "'",
                                          "#comment",
                                          "[task]",
                                          "a = 1",
                                          "$HOME",
                                          "..x",
                                          std::string(120, 'w'),
                                          "\xe6\x95\xb0\xe6\x8d\xae",
                                          "\x01\x7f"};
  for (const std::string& name : nasty) {
    CAPTURE(name);
    run_of(name, nasty);
  }
  CHECK(run_of("my data", {"a b", "a_b", "a b_2", "a?b", "total", "sharing"}).name == "my-data");
}

TEST_CASE("first run file: drawn names parse as well", "[first_run_file]") {
  const Philox draws(7, Stream::data, 0, "names");
  const std::string letters = "aB3 \"\\'#=[]{}.,;$%&\n\t-_\xc3\xa4";
  uint64_t next = 0;
  const auto draw = [&](size_t below) {
    return static_cast<size_t>(draws.uniform(next++) * static_cast<double>(below));
  };
  for (int round = 0; round < 60; ++round) {
    std::set<std::string> titles;
    for (int i = 0; i < 3; ++i) {
      std::string title = "x";
      for (size_t n = draw(9); n-- > 0;) {
        const size_t at = draw(letters.size() - 1);  // its last character has two bytes
        title += at + 2 == letters.size() ? letters.substr(at) : letters.substr(at, 1);
      }
      titles.insert(title + "x");
    }
    run_of(*titles.begin(), {titles.begin(), titles.end()});
  }
}

TEST_CASE("first run file: titles that are empty or there twice are named by their columns",
          "[first_run_file]") {
  const auto complaint = [](const std::vector<std::string>& titles) {
    return message_of<DataError>([&] { run_of("data", titles); });
  };
  CHECK_THAT(complaint({"a", ""}), contains_text("index.csv:1: column 3 of 3 has no name"));
  CHECK_THAT(complaint({"a", "b", "a "}), contains_text("columns 2 and 4 are both called 'a'"));
  CHECK_THAT(complaint({"image"}), contains_text("columns 1 and 2 are both called 'image'"));
  CHECK_THAT(complaint({"gr\xf6\xdf"}), contains_text("index.csv:1: byte 0xf6 is no UTF-8"));
}

TEST_CASE("first run file: yes and no, and ids beside 255", "[first_run_file]") {
  const test::TempFolder folder;
  write_png(folder.file("i.png"), Picture(8, 8, 3, 0.5f));
  write_file(folder.file("index.csv"),
             "image,sunny,odd,neg\ni.png,True,0,-1\ni.png,no,255,0\ni.png,,1,255\n");
  const RunFile run = parse_run_text(first_run_file(folder.path(), "x").text, "new.toml");
  REQUIRE(run.tasks.size() == 3);
  CHECK(run.tasks[0].kind == TaskKind::binary);
  CHECK(run.tasks[1].ignore == 255);
  CHECK(run.tasks[2].map == std::map<int, int>{{-1, 0}, {0, 1}, {255, 2}});
}

TEST_CASE("first run file: kinds guessed from files and values", "[first_run_file]") {
  const test::TempFolder folder;
  Picture ids(40, 60, 1, 0), wide(40, 60, 1, 1000), void_ids(40, 60, 1, 2);
  ids.pixels[5] = 255;
  void_ids.pixels[5] = 255;
  void_ids.pixels[6] = 0;
  write_png(folder.file("image.png"), Picture(40, 60, 3, 0.5f));
  write_png(folder.file("normals.png"), Picture(40, 60, 3, 0.5f));
  write_values_png(folder.file("mask.png"), ids, 8);
  write_values_png(folder.file("seg.png"), void_ids, 8);
  write_values_png(folder.file("mm.png"), wide, 16);
  write_npy(folder.file("metres.npy"), Picture(40, 60, 1, 1.5f));
  write_file(folder.file("index.csv"),
             "image,mask,seg,depth mm,metres,normals,room,odd,height,source,split\n"
             "image.png,mask.png,seg.png,mm.png,metres.npy,normals.png,4,1,0.5,here,train\n"
             "image.png,,seg.png,mm.png,metres.npy,normals.png,2,0,1.5,there,test\n");
  const FirstRunFile first = first_run_file(folder.path(), "mine");
  const std::string& text = first.text;
  const RunFile run = parse_run_text(text, "mine.toml");
  INFO(text);
  REQUIRE(run.tasks.size() == 8);
  CHECK(run.tasks[0].kind == TaskKind::segmentation);
  CHECK(run.tasks[0].map == std::map<int, int>{{0, 0}, {255, 1}});
  CHECK(run.tasks[1].kind == TaskKind::segmentation);
  CHECK(run.tasks[1].ignore == 255);
  CHECK(run.tasks[1].classes == 3);
  CHECK(run.tasks[2].name == "depth_mm");
  CHECK(run.tasks[2].column == "depth mm");
  CHECK(run.tasks[2].scale == 0.001);
  CHECK(run.tasks[2].invalid == 0);
  CHECK(run.tasks[3].kind == TaskKind::depth);
  CHECK(run.tasks[4].kind == TaskKind::normals);
  CHECK(run.tasks[5].kind == TaskKind::classification);
  CHECK(run.tasks[5].classes == 5);
  CHECK(run.tasks[6].kind == TaskKind::binary);
  CHECK(run.tasks[7].kind == TaskKind::regression);
  CHECK(run.data.split == "split");
  CHECK(run.data.size == std::array<int, 2>{40, 56});
  REQUIRE(first.remarks.size() == 8);
  CHECK(first.remarks[0] ==
        "2400 pixels (in 1 files; 1 of 2 images have one); the most frequent class alone is right "
        "in 100.0 %");  // 2399 of 2400
  CHECK(first.remarks[1].starts_with("4798 pixels (in 2 files; 2 of 2 images have one)"));
  CHECK(first.remarks[2].ends_with("their mean alone, 1, is off by 0"));
  CHECK(first.remarks[5] == "2 labels; the most frequent class alone is right in 50.0 %");
  CHECK(first.remarks[7] == "2 labels; their mean alone, 1, is off by 0.5");
  for (const std::string& remark : first.remarks) CHECK_THAT(text, contains_text("# " + remark));
  CHECK_THAT(text, contains_text("column \"source\" holds 2 different words: left out"));
  CHECK(parse_run_text(first_run_file(folder.path(), "x", {"room"}).text, "x").tasks.size() == 1);
}

TEST_CASE("first run file: a mask's few gray values are classes, and words that come again",
          "[first_run_file]") {
  const test::TempFolder folder;
  Picture gray(8, 8, 1, 0), many(8, 8, 1, 0);
  for (int i = 0; i < 16; ++i) gray.pixels[static_cast<size_t>(i)] = i < 8 ? 128 : 255;
  for (int i = 0; i < 40; ++i) many.pixels[static_cast<size_t>(i)] = static_cast<float>(4 * i);
  many.pixels[63] = 255;
  write_png(folder.file("i.png"), Picture(8, 8, 3, 0.5f));
  write_values_png(folder.file("gray.png"), gray, 8);
  write_values_png(folder.file("many.png"), many, 8);
  std::string csv = "image;gray;many;weather\n";
  for (const char* word : {"sun", "rain", "snow", "rain", "sun", "rain"})
    csv += std::string("i.png;gray.png;many.png;") + word + "\n";
  write_file(folder.file("index.csv"), csv);
  const FirstRunFile first = first_run_file(folder.path(), "x");
  const RunFile run = parse_run_text(first.text, "new.toml");
  REQUIRE(run.tasks.size() == 3);
  CHECK(run.tasks[0].map == std::map<int, int>{{0, 0}, {128, 1}, {255, 2}});
  CHECK(run.tasks[0].classes == 3);
  CHECK(first.remarks[0].ends_with("right in 75.0 %"));
  CHECK(run.tasks[1].ignore == 255);  // ids up to 156, and void
  CHECK(run.tasks[2].kind == TaskKind::classification);
  CHECK(run.tasks[2].classes == 3);
  CHECK_THAT(first.text, contains_text("# rain = 0, snow = 1, sun = 2\n"));
}

TEST_CASE("first run file: pictures of about 32 x 32 have a ResNet's small stem",
          "[first_run_file]") {
  const test::TempFolder folder;
  write_file(folder.file("index.csv"), "image,sunny\ni.png,yes\ni.png,no\n");
  const auto stem_of = [&](int height, int width) {
    write_png(folder.file("i.png"), Picture(height, width, 3, 0.5f));
    return parse_run_text(first_run_file(folder.path(), "x").text, "new.toml").model.stem;
  };
  CHECK(stem_of(32, 32) == StemKind::small);
  CHECK(stem_of(40, 28) == StemKind::small);
  CHECK(stem_of(40, 41) == StemKind::large);
  CHECK(stem_of(64, 64) == StemKind::large);
}

TEST_CASE("first run file: of pictures, too, a column that is named is a task or refused",
          "[first_run_file]") {
  const test::TempFolder folder;
  write_png(folder.file("x.png"), Picture(4, 4, 3, 0.5f));
  std::string csv = "image,split,none,one,room,photo\n";
  for (int i = 0; i < 4; ++i)
    csv += fmt::format("x.png,{},,7,{},x.jpg\n", i ? "train" : "test", i % 2 ? "a" : "b");
  write_file(folder.file("index.csv"), csv);
  const auto complaint = [&](const std::vector<std::string>& tasks) {
    return message_of<DataError>([&] { first_run_file(folder.path(), "x", tasks); });
  };
  CHECK_THAT(complaint({"room", "none"}), contains_text("column 'none' is empty, and is no label"));
  CHECK_THAT(complaint({"room", "image"}), contains_text("column 'image' names the images"));
  CHECK_THAT(complaint({"room", "split"}), contains_text("column 'split' says which rows"));
  CHECK_THAT(complaint({"room", "one"}), contains_text("column 'one' says '7' in every row"));
  CHECK_THAT(message_of<ConfigError>([&] {
               first_run_file(folder.path(), "x", {"room", "room"});
             }),
             contains_text("--task: 'room' is named twice"));
  CHECK(parse_run_text(first_run_file(folder.path(), "x", {"room"}).text, "x").tasks.size() == 1);
}

TEST_CASE("first run file: what it needs", "[first_run_file]") {
  const test::TempFolder folder;
  const auto complaint = [&](const std::string& csv) {
    write_file(folder.file("index.csv"), csv);
    return message_of<DataError>([&] { first_run_file(folder.path(), "x"); });
  };
  CHECK(message_of<DataError>([&] { first_run_file(folder.path(), "x"); }) ==
        folder.path() + ": no CSV file and no index.csv; --data names the index");
  CHECK(complaint("a,b\n") == folder.file("index.csv") + ": it has no rows");
  CHECK(complaint("a,b\n1,2\n") == folder.file("index.csv") +
                                       ": no column is a label: each is empty, the same in "
                                       "all rows, counts them, or holds text or words that "
                                       "never come again");
  write_png(folder.file("x.png"), Picture(8, 8, 3, 0.5f));
  CHECK(complaint("image,b\nx.png,word\n") ==
        folder.file("index.csv") + ": no column is a label: column 'b' says 'word' in every row");
  CHECK(complaint("image,b\nmissing.png,word\n") ==
        folder.file("missing.png") + ": cannot open: No such file or directory");
}
