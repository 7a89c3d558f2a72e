// Texts as a set of samples: ids and labels of a file, of several columns, of one file a task and of
// rows of one task each; parts; what is said of the reading; every mistake named with file and line.
// Then the real sets.
#include "data/sets/text.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "data/fingerprint.h"
#include "data/loader.h"
#include "data/split.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/small_sets.h"
#include "tests/support/source_dir.h"
#include "tests/support/text_set.h"
#include "train/loop/trainer.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::message_of;
using weft::test::task_of;
using weft::test::TempFolder;

namespace {

DataSpec spec_of(const TempFolder& folder) {
  DataSpec data;
  data.kind = DataKind::text;
  data.root = folder.path();
  data.index = "t.csv";
  data.columns = {"text"};
  data.alphabet = "abc ";
  data.length = 5;
  return data;
}

const char* small =
    "topic,good,text,part\n"
    "news,yes,\"ab, c\",train\n"
    "sport,,aaaaaaab,train\n"
    ",no,Cx,val\n"
    "news,yes,b,test\n";

std::vector<TaskSpec> two_tasks() {
  return {task_of("topic", TaskKind::classification, 2), task_of("good", TaskKind::binary)};
}

}  // namespace

TEST_CASE("text: a row is the ids of its characters, and a label of each task", "[data][text]") {
  const TempFolder folder;
  write_file(folder.file("t.csv"), small);
  DataSpec data = spec_of(folder);
  data.split = "part";
  const TextDataset set(data, two_tasks());
  REQUIRE(set.size() == 4);
  const Sample first = set.load(0);
  CHECK((first.image.height == 1 && first.image.width == 5 && first.image.channels == 1));
  CHECK(first.image.pixels == std::vector<float>{2, 3, 1, 5, 4});
  CHECK(set.load(1).image.pixels == std::vector<float>{2, 2, 2, 2, 2});
  CHECK(set.load(2).image.pixels == std::vector<float>{4, 1, 0, 0, 0});
  CHECK((first.labels[0].pixels[0] == 0 && first.labels[1].pixels[0] == 1));
  CHECK((set.load(1).labels[0].pixels[0] == 1 && set.load(1).labels[1].empty()));
  CHECK((set.load(2).labels[0].empty() && set.load(2).labels[1].pixels[0] == 0));
  CHECK((set.class_of(1, 0) == 1 && !set.class_of(2, 0) && !set.labelled(2, 0)));
  CHECK(
      (set.split(0) == Split::train && set.split(2) == Split::val && set.split(3) == Split::test));
  CHECK(set.key(1) == "t.csv:3");
  CHECK(set.learned().tasks[0].words == std::vector<std::string>{"news", "sport"});
  REQUIRE(set.notes().size() == 1);
  // 5 + 8 + 2 + 1 characters, of which 5 + 5 + 2 + 1 are read; ',' and 'x' are unknown.
  CHECK(set.notes()[0] ==
        "t.csv: 4 texts of 4 characters in the mean, 5 are read: 25.0 % of the texts are longer "
        "(18.8 % of all characters are cut off), 15.4 % of the characters read are not in the "
        "alphabet, 35.0 % of the places are padding");
  data.alphabet.clear();
  CHECK_THAT(TextDataset(data, two_tasks()).notes()[0],
             contains_text("4 texts of 4 bytes in the mean") &&
                 contains_text("0.0 % of the bytes read are not in the alphabet"));
}

TEST_CASE("text: class words are a trained network's, whatever a file holds", "[data][text]") {
  const TempFolder folder;
  write_file(folder.file("t.csv"), small);
  const LearnedFromData learned = TextDataset(spec_of(folder), two_tasks()).learned();
  write_file(folder.file("t.csv"), "text,topic,good\nab,sport,no\n");
  CHECK(TextDataset(spec_of(folder), two_tasks(), &learned).load(0).labels[0].pixels[0] == 1);
  write_file(folder.file("t.csv"), "text,topic,good\nab,weather,no\n");
  CHECK_THAT(message_of<DataError>([&] { TextDataset(spec_of(folder), two_tasks(), &learned); }),
             contains_text(
                 "t.csv:2: column 'topic': 'weather' is not among the 2 classes of task 'topic'"));
}

TEST_CASE("text: the usual form of the ten sets, no header, two columns of text, a test file",
          "[data][text]") {
  const TempFolder folder;
  write_file(folder.file("train.csv"), "\"1\",\"aa\",\"b\"\n\"2\",\"\",\"c \"\"a\"\"\"\n");
  write_file(folder.file("test.csv"), "\"2\",\"c\",\"\"\n");
  DataSpec data = spec_of(folder);
  data.index = "train.csv";
  data.test_index = "test.csv";
  data.header = {"class", "title", "description"};
  data.columns = {"title", "description"};
  data.missing = {"-"};
  TaskSpec task = task_of("class", TaskKind::classification, 2);
  task.map = {{1, 0}, {2, 1}};
  const TextDataset set(data, {task});
  CHECK(set.load(0).image.pixels == std::vector<float>{2, 2, 5, 3, 0});  // "aa b"
  CHECK(set.load(1).image.pixels == std::vector<float>{4, 5, 1, 2, 1});  // c "a"
  CHECK((set.load(0).labels[0].pixels[0] == 0 && set.load(2).labels[0].pixels[0] == 1));
  CHECK((set.split(1) == Split::train && set.split(2) == Split::test));
  CHECK(set.key(2) == "test.csv:1");
  CHECK_THAT(set.notes()[0], contains_text("train.csv and test.csv: 3 texts"));
}

TEST_CASE("text: several sets in the usual form in one run, each with columns of its own",
          "[data][text]") {
  const TempFolder folder;
  const auto put = [&](const std::string& set, const std::string& train, const std::string& test) {
    std::filesystem::create_directories(folder.file(set));
    write_file(folder.file(set + "/train.csv"), train);
    write_file(folder.file(set + "/test.csv"), test);
  };
  put("one", "\"1\",\"a\\nb\",\"c\"\n\"2\",\"a \\\"\"b\\\"\"\",\"\"\n",
      "\"2\",\"c\",\"a\\\\nb\"\n");
  put("two", "\"3\",\"ab\"\n\"1\",\"b\"\n\"2\",\"c\\\"\n", "\"3\",\"a\"\n");
  DataSpec data = spec_of(folder);
  data.alphabet = "abc \n\"\\";
  data.length = 6;
  data.escapes = true;
  std::vector<TaskSpec> tasks = {task_of("one", TaskKind::classification, 2),
                                 task_of("two", TaskKind::classification, 3)};
  for (TaskSpec& task : tasks) {
    task.column = "class";
    task.map = {{1, 0}, {2, 1}, {3, 2}};
    task.index = task.name + "/train.csv";
    task.test_index = task.name + "/test.csv";
  }
  tasks[0].header = {"class", "title", "description"};
  tasks[0].columns = {"title", "description"};
  tasks[1].header = {"class", "review"};
  tasks[1].columns = {"review"};
  const TextDataset set(data, tasks);
  REQUIRE(set.size() == 7);
  const auto ids = [&](int64_t row) { return set.load(row).image.pixels; };
  CHECK(ids(0) == std::vector<float>{2, 6, 3, 5, 4, 0});  // a, a line end, b c
  CHECK(ids(1) == std::vector<float>{2, 5, 7, 3, 7, 0});  // a "b"
  CHECK(ids(2) == std::vector<float>{4, 5, 2, 8, 6, 3});  // c a\, a line end, b
  CHECK(ids(5) == std::vector<float>{4, 8, 0, 0, 0, 0});  // c and a backslash
  CHECK((set.only_task(2) == 0 && set.only_task(3) == 1));
  CHECK((set.class_of(1, 0) == 1 && set.class_of(3, 1) == 2 && !set.class_of(3, 0)));
  CHECK((set.split(1) == Split::train && set.split(2) == Split::test));
  CHECK((set.key(2) == "one/test.csv:1" && set.key(6) == "two/test.csv:1"));
  data.escapes = false;
  CHECK(TextDataset(data, tasks).load(0).image.pixels[1] == 8);
  tasks[1].header.clear();
  tasks[1].columns.clear();
  data.header = {"class", "review"};
  data.columns = {"review"};  // [data]'s are of the sets that say no other
  CHECK(TextDataset(data, tasks).class_of(3, 1) == 2);
  tasks[0].header.clear();
  CHECK_THAT(message_of<DataError>([&] { TextDataset(data, tasks); }),
             contains_text("one/train.csv:1: 3 cells, but data.header or task.one.header names 2 "
                           "columns: class, review"));
  // A message names the keys that may have said it.
  const auto refused = [&](auto change) {
    std::vector<TaskSpec> changed = tasks;
    change(changed[0]);
    return message_of<Error>([&] { TextDataset(data, changed); });
  };
  CHECK_THAT(refused([](TaskSpec& one) {
               one.header = {"class", "a", "a"};
             }),
             contains_text("data.header or task.one.header: columns 2 and 3 are both called 'a'"));
  CHECK_THAT(refused([](TaskSpec& one) {
               one.header = {"1", "a\\nb", "c"};
             }),
             contains_text("leave out data.header or task.one.header"));
  CHECK_THAT(refused([](TaskSpec& one) {
               one.header = {"class", "title", "review"};
               one.columns = {"class"};
             }),
             contains_text("data.columns or task.one.columns: 'class' is a label"));
  tasks[0].header = {"class", "title", "description"};
  tasks[1].map = {{1, 0}, {2, 1}};
  CHECK_THAT(message_of<DataError>([&] { TextDataset(data, tasks); }),
             contains_text("two/train.csv:1"));
}

TEST_CASE("text: the ten sets' run file reads them where it expects them, and trains",
          "[data][text][run_file]") {
  const TempFolder folder;
  const std::string path = source_dir() + "/runs/text_10sets.toml";
  const RunFile shipped = parse_run_file(path);
  REQUIRE(shipped.tasks.size() == 10);
  for (const TaskSpec& task : shipped.tasks) {
    REQUIRE(task.header.size() == task.columns.size() + 1);
    REQUIRE(task.map.size() == static_cast<size_t>(task.classes));
    std::filesystem::create_directories(
        folder.file(std::filesystem::path(task.index).parent_path().string()));
    std::string csv;
    for (int c = 1; c <= task.classes; ++c) {
      csv += fmt::format("\"{}\"", c);
      for (size_t i = 0; i < task.columns.size(); ++i)
        csv += fmt::format(",\"{} of class {}\\nsays \"\"{}\"\"\"", task.columns[i], c, task.name);
      csv += "\n";
    }
    std::string train;
    for (int i = 0; i < 12; ++i) train += csv;
    write_file(folder.file(task.index), train);
    write_file(folder.file(task.test_index), csv);
  }
  RunFile run = parse_run_file(
      path, {"data.root=" + folder.path(), "data.length=48", "data.batch=4", "model.width=0.0625",
             "model.embedding=4", "warmup.steps=2", "policy.steps=4", "policy.weight_steps=1",
             "policy.logit_steps=1", "retrain.steps=2", "eval.batches=1"});
  const auto data = open_dataset(run);
  CHECK(data->notes().size() == 10);
  const Parts parts = make_parts(*data);
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    INFO(run.tasks[k].name);
    const auto count = [&](const std::vector<int64_t>& part) {
      return std::count_if(part.begin(), part.end(),
                           [&](int64_t i) { return data->only_task(i) == static_cast<int>(k); });
    };
    CHECK(count(parts.test) == run.tasks[k].classes);
    CHECK(count(parts.train) + count(parts.val) == 12 * run.tasks[k].classes);
    CHECK(count(parts.val) > 0);
  }
  CpuContext cpu(2);
  Trainer trainer(run, *data, &cpu);
  trainer.run();
  CHECK(trainer.state().stage == Stage::done);
}

TEST_CASE("text: each task a file of its own, or rows of its own in one", "[data][text]") {
  const TempFolder folder;
  write_file(folder.file("one.csv"), "label,text,for\nx,a,one\ny,b,one\n");
  write_file(folder.file("two.csv"), "text,label\nc,p\nab,q\nabc,r\n");
  std::vector<TaskSpec> tasks = {task_of("one", TaskKind::classification, 2),
                                 task_of("two", TaskKind::classification, 3)};
  for (TaskSpec& task : tasks) {
    task.column = "label";
    task.index = task.name + ".csv";
  }
  const TextDataset set(spec_of(folder), tasks);
  REQUIRE(set.size() == 5);
  CHECK((set.only_task(1) == 0 && set.only_task(2) == 1));
  CHECK((set.labelled(1, 0) && !set.labelled(1, 1) && set.load(1).labels[1].empty()));
  CHECK((set.load(4).labels[1].pixels[0] == 2 && set.load(4).labels[0].empty()));
  CHECK(set.key(4) == "two.csv:4");
  CHECK(set.learned().tasks[1].words == std::vector<std::string>{"p", "q", "r"});
  CHECK(set.learned().task_values.empty());
  CHECK(set.notes().size() == 2);

  write_file(folder.file("t.csv"),
             "text,sort,mark,for\na,x,yes,first\nb,y,,first\nc,,no,mark\nab,x,no,\n");
  DataSpec data = spec_of(folder);
  data.task_column = "for";
  std::vector<TaskSpec> own = {task_of("sort", TaskKind::classification, 2),
                               task_of("mark", TaskKind::binary)};
  own[0].rows = "first";
  const TextDataset rows(data, own);
  CHECK((rows.only_task(0) == 0 && rows.only_task(2) == 1 && rows.only_task(3) == -1));
  CHECK((!rows.labelled(0, 1) && rows.labelled(3, 0) && rows.labelled(3, 1)));
  CHECK(rows.learned().task_values == std::vector<std::string>{"first", "mark"});
  own[0].rows = "sort";
  CHECK_THAT(message_of<DataError>([&] { TextDataset(data, own); }),
             contains_text("t.csv:2: column 'for' says 'first', which is neither the name nor"));
}

TEST_CASE("text: every mistake is named with file and line", "[data][text]") {
  const TempFolder folder;
  const auto refused = [&](const std::string& csv, const std::vector<TaskSpec>& tasks) {
    write_file(folder.file("t.csv"), csv);
    return message_of<DataError>([&] { TextDataset(spec_of(folder), tasks); });
  };
  const std::vector<TaskSpec> tasks = {task_of("y", TaskKind::classification, 2)};
  CHECK_THAT(refused("text,y\na,p\n,q\n", tasks),
             contains_text("t.csv:3: column 'text' is empty: there is no text in this row"));
  CHECK_THAT(refused("words,y\na,p\n", tasks), contains_text("t.csv: no column 'text'"));
  CHECK_THAT(refused("text,z\na,p\n", tasks), contains_text("t.csv: no column 'y'; there are"));
  CHECK_THAT(refused("text,y\n", tasks), contains_text("t.csv: has no rows"));
  CHECK_THAT(refused("text,y\na,p\nb,q\nc,r\n", tasks), contains_text("names 3 classes"));
  CHECK_THAT(refused("text,y\na,0\nb,2\n", tasks), contains_text("t.csv:3: column 'y'"));
  CHECK_THAT(refused("text,y\na,p\nb\xff,q\n", tasks), contains_text("t.csv:3"));
  CHECK_THAT(refused("text,y\na,p\nb\n", tasks), contains_text("t.csv:3"));
}

TEST_CASE("text: a label, or what says whose or where a row is, is no text", "[data][text]") {
  const TempFolder folder;
  write_file(folder.file("t.csv"), "text,y,part,who\na,p,train,y\nb,q,val,y\n");
  DataSpec data = spec_of(folder);
  data.split = "part";
  data.task_column = "who";
  const std::vector<TaskSpec> tasks = {task_of("y", TaskKind::classification, 2)};
  CHECK_NOTHROW(TextDataset(data, tasks));
  for (const char* other : {"y", "part", "who"}) {
    data.columns = {"text", other};
    CHECK_THAT(message_of<ConfigError>([&] { TextDataset(data, tasks); }),
               contains_text(fmt::format("data.columns: '{}' is a label", other)));
  }
}

TEST_CASE("text: training hides a share of the characters, others each epoch, the same each time",
          "[data][text]") {
  const TempFolder folder;
  std::string rows = "topic,text\n";
  for (int i = 0; i < 40; ++i) rows += fmt::format("news,{}\n", std::string(60, "abc"[i % 3]));
  write_file(folder.file("t.csv"), rows);
  DataSpec data = spec_of(folder);
  data.length = 80;
  data.normalize = Normalize::none;
  const std::vector<TaskSpec> tasks{task_of("topic", TaskKind::classification, 1)};
  const TextDataset set(data, tasks);
  RunFile run;
  run.tasks = tasks;
  run.data = data;
  run.data.batch = 40;
  run.data.augment.hide = 0.25;
  std::vector<int64_t> all;
  for (int64_t i = 0; i < set.size(); ++i) all.push_back(i);
  // Of a batch: ids, those that were hidden, and whether the end is left alone.
  const auto ids = [](Loader& loader) { return loader.next().images.to_vector(); };
  Loader training(set, all, train_loader_options(run, set, "train", 0));
  const auto first = ids(training), second = ids(training);
  Loader again(set, all, train_loader_options(run, set, "train", 0));
  CHECK(first == ids(again));
  CHECK(first != second);
  int64_t hidden = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    if (i % 80 >= 60) CHECK(first[i] == 0);
    if (i % 80 < 60) CHECK(first[i] != 0);
    hidden += first[i] == 1;
  }
  CHECK(std::abs(static_cast<double>(hidden) / (40 * 60) - 0.25) < 0.04);  // 4.5 standard errors
  Loader evaluation(set, all, eval_loader_options(run, set));
  const auto seen = ids(evaluation);
  CHECK(std::count(seen.begin(), seen.end(), 1.0) == 0);
}

TEST_CASE("text: the fingerprint knows texts and labels apart", "[data][text]") {
  const TempFolder folder;
  write_file(folder.file("t.csv"), small);
  const Fingerprint was = fingerprint_of(TextDataset(spec_of(folder), two_tasks()));
  std::string changed = small;
  changed[changed.find("Cx")] = 'c';
  write_file(folder.file("t.csv"), changed);
  const Fingerprint text = fingerprint_of(TextDataset(spec_of(folder), two_tasks()));
  CHECK((text.inputs != was.inputs && text.labels == was.labels));
  changed = small;
  changed.replace(changed.find("no,Cx"), 2, "ye");
  changed.replace(changed.find("ye,Cx"), 2, "1");
  write_file(folder.file("t.csv"), changed);
  const Fingerprint label = fingerprint_of(TextDataset(spec_of(folder), two_tasks()));
  CHECK((label.inputs == was.inputs && label.labels != was.labels));
}

TEST_CASE("text: the real sets are read as their pages say", "[data][text][real]") {
  const char* root = std::getenv("WEFT_DATA");
  if (!root) WEFT_SKIP("WEFT_DATA not set");
  RunFile run = parse_run_file(source_dir() + "/runs/text_7sets.toml");
  const auto data = open_dataset(run);
  const Parts parts = make_parts(*data);
  struct Set {
    const char* name;
    int64_t train, val, test;
  };
  const Set sets[] = {{"dbpedia14", 7584, 864, 1552},      {"trec6", 4852, 588, 500},
                      {"sms_spam", 4264, 462, 848},        {"rt_polarity", 8128, 946, 1588},
                      {"subjectivity", 7699, 815, 1486},   {"banking77", 8956, 1016, 3080},
                      {"tatoeba_lang10", 8883, 1012, 2000}};
  REQUIRE(run.tasks.size() == std::size(sets));
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    INFO(sets[k].name);
    CHECK(run.tasks[k].name == sets[k].name);
    const auto count = [&](const std::vector<int64_t>& part) {
      return std::count_if(part.begin(), part.end(), [&](int64_t i) {
        return data->only_task(i) == static_cast<int>(k) && data->labelled(i, k);
      });
    };
    CHECK(count(parts.train) == sets[k].train);
    CHECK(count(parts.val) == sets[k].val);
    CHECK(count(parts.test) == sets[k].test);
    CHECK(data->learned().tasks[k].words.size() ==
          static_cast<size_t>(run.tasks[k].kind == TaskKind::binary ? 2 : run.tasks[k].classes));
  }
  CHECK(data->notes().size() == std::size(sets));
}
