// Cells with several classes: parts, ids and names, none at all, what is missing; in tables, texts and
// lists of pictures alike; each mistake with its line.
#include "data/sets/label_set.h"

#include <cmath>

#include "data/sets/csv_dataset.h"
#include "data/sets/tabular.h"
#include "data/sets/text.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/run_file.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

using Words = std::vector<std::string>;
using Label = std::vector<float>;

TaskSpec sets_of(int classes) {
  TaskSpec task;
  task.name = task.column = "tags";
  task.kind = TaskKind::multilabel;
  task.classes = classes;
  return task;
}

DataSpec spec_of(DataKind kind, const std::string& root) {
  DataSpec data;
  data.kind = kind;
  data.root = root;
  data.index = "t.csv";
  data.split = "part";
  data.normalize = Normalize::none;
  return data;
}

Label label(const Dataset& set, int64_t row) {
  const Sample sample = set.load(row);
  return sample.labels[0].pixels;
}

/// Rows "x,TAGS,PART" of a table in a folder.
struct Tags {
  explicit Tags(const std::vector<std::string>& cells) {
    std::string text = "x,text,image,tags,part\n";
    for (size_t i = 0; i < cells.size(); ++i) {
      write_png(folder.file(fmt::format("p{}.png", i)), Picture(8, 8, 3, 0.1f));
      text += fmt::format("{},word{},p{}.png,{},{}\n", i * i % 7, i, i, cells[i],
                          i + 1 < cells.size() ? "train" : "test");
    }
    write_file(folder.file("t.csv"), text);
  }
  TempFolder folder;
};

}  // namespace

TEST_CASE("label sets: parts of a cell, without the spaces around them", "[label_set]") {
  CHECK(parts_of_cell("cat; dog", ";") == Words{"cat", "dog"});
  CHECK(parts_of_cell("cat", ";") == Words{"cat"});
  CHECK(parts_of_cell(";", ";").empty());
  CHECK(parts_of_cell(";;cat; ;", ";") == Words{"cat"});
  CHECK(parts_of_cell("black cat::dog", "::") == Words{"black cat", "dog"});
}

TEST_CASE("label sets: names in order, none, and a missing label, in every kind of CSV",
          "[label_set]") {
  const Tags tags({"dog;cat", "cat", "", ";", "owl ; cat", "dog"});
  const std::string root = tags.folder.file("");
  const TaskSpec task = sets_of(3);
  DataSpec of_table = spec_of(DataKind::tabular, root);
  of_table.columns = {"x"};
  const TabularDataset table(of_table, {task});
  DataSpec of_texts = spec_of(DataKind::text, root);
  of_texts.columns = {"text"};
  of_texts.length = 8;
  const TextDataset texts(of_texts, {task});
  const CsvDataset pictures(spec_of(DataKind::csv, root), {task});
  for (const Dataset* set : std::initializer_list<const Dataset*>{&table, &texts, &pictures}) {
    CHECK(set->learned().tasks.at(0).words == Words{"cat", "dog", "owl"});
    CHECK(label(*set, 0) == Label{1, 1, 0});
    CHECK(label(*set, 1) == Label{1, 0, 0});
    CHECK(set->load(2).labels[0].empty());
    CHECK_FALSE(set->labelled(2, 0));
    CHECK(label(*set, 3) == Label{0, 0, 0});
    CHECK(set->labelled(3, 0));
    CHECK(label(*set, 4) == Label{1, 0, 1});
    CHECK_FALSE(set->class_of(0, 0));
    const LearnedFromData learned = set->learned();
    CHECK(label_text(learned, task, 0, label(*set, 0)) == "cat;dog");
    CHECK(label_text(learned, task, 0, label(*set, 3)) == ";");
  }
  CHECK(table.contents(0).labels != table.contents(1).labels);
  CHECK(texts.contents(0).labels != texts.contents(1).labels);
}

TEST_CASE("label sets: ids, another separator, and classes that are left out", "[label_set]") {
  const Tags tags({"0|2", "1", "3|0", "2", "3"});
  TaskSpec task = sets_of(3);
  task.separator = "|";
  task.ignore = 3;
  DataSpec data = spec_of(DataKind::tabular, tags.folder.file(""));
  data.columns = {"x"};
  const TabularDataset table(data, {task});
  CHECK(table.learned().tasks.at(0).words.empty());
  CHECK(label(table, 0) == Label{1, 0, 1});
  CHECK(label(table, 2) == Label{1, 0, 0});
  for (const float value : label(table, 4)) CHECK(std::isnan(value));  // nothing is known of it
  CHECK(label_text(table.learned(), task, 0, label(table, 0)) == "0|2");
}

TEST_CASE("label sets: mistakes are named with file, line and column", "[label_set]") {
  const auto complaint = [](const std::vector<std::string>& cells, const TaskSpec& task) {
    const Tags tags(cells);
    DataSpec data = spec_of(DataKind::tabular, tags.folder.file(""));
    data.columns = {"x"};
    return message_of<DataError>([&] { TabularDataset(data, {task}); });
  };
  CHECK_THAT(complaint({"a;b", "c", "d"}, sets_of(3)),
             contains_text("t.csv: column 'tags' names 4 classes, but task 'tags' has 3"));
  CHECK_THAT(complaint({"0;1", "7", "1"}, sets_of(3)),
             contains_text("t.csv:3: column 'tags': task 'tags': label id 7 is outside 0..2"));
  TaskSpec named = sets_of(2);
  named.names = {"cat", "dog"};
  CHECK_THAT(complaint({"cat;dog", "cat;cow", "dog"}, named),
             contains_text("t.csv:3: column 'tags': 'cow' is not among the 2 classes of task "
                           "'tags': cat, dog"));
}

TEST_CASE("label sets: what a run file cannot say is refused by key", "[label_set][run_file]") {
  const auto complaint = [](const std::string& task, const char* kind = "tabular") {
    return message_of<ConfigError>([&] {
      parse_run_text(
          fmt::format("[model]\ntrunk = \"{}\"\n[data]\nkind = \"{}\"\n{}[[task]]\nname = "
                      "\"t\"\n{}",
                      std::string(kind) == "scenes" ? "resnet18" : "mlp", kind,
                      std::string(kind) == "scenes" ? "" : "root = \".\"\n", task),
          "x");
    });
  };
  CHECK_THAT(complaint("kind = \"multilabel\""), contains_text("task.t.classes"));
  CHECK_THAT(complaint("kind = \"multilabel\"\nclasses = 3\nclass_weights = [1, 1, 1]"),
             contains_text("'task.t.class_weights' means nothing for multilabel"));
  CHECK_THAT(complaint("kind = \"multilabel\"\nclasses = 3\nseparator = \" \""),
             contains_text("'task.t.separator' is \" \""));
  CHECK_THAT(
      complaint("kind = \"multilabel\"\nclasses = 2\nseparator = \"/\"\nnames = [\"a/b\", \"c\"]"),
      contains_text("which the class 'a/b' has in its name"));
  CHECK_THAT(complaint("kind = \"binary\"\nseparator = \"|\""),
             contains_text("'task.t.separator' means nothing for binary"));
  CHECK_THAT(complaint("kind = \"multilabel\"\nclasses = 2", "scenes"),
             contains_text("whose labels are cells of a CSV"));
}
