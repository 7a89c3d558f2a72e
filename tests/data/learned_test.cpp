// What was learned from the data travels with the weights: as JSON without loss, and a network
// reads other data by it: new rows renumber no class and rescale no column, what it never saw is
// refused by name. The fingerprint says which samples changed, and a run does not go on with them.
#include "data/learned.h"

#include <cmath>
#include <filesystem>

#include "data/sets/tabular.h"
#include "engine/cpu/context.h"
#include "tests/support/catch.h"
#include "tests/support/small_sets.h"
#include "train/loop/trainer.h"

using namespace weft;
using namespace weft::test;

namespace {

DataSpec table_spec(const TempFolder& folder, const std::string& text) {
  write_file(folder.file("t.csv"), text);
  DataSpec data;
  data.kind = DataKind::tabular;
  data.root = folder.path();
  data.index = "t.csv";
  data.split = "part";
  data.normalize = Normalize::none;
  return data;
}

const std::string people =
    "age,job,pay,part\n20,clerk,10,train\n30,cook,20,train\n40,clerk,60,train\n35,pilot,30,"
    "test\n25,clerk,20,val\n";

/// A table of people, whose jobs are inputs and whose pay is learned in deviations.
struct People {
  explicit People(const std::string& text, const LearnedFromData* learned = nullptr) {
    DataSpec data = table_spec(folder, text);
    data.categorical = {"job"};
    TaskSpec pay = task_of("pay", TaskKind::regression);
    pay.standardize = true;
    set = std::make_unique<TabularDataset>(data, std::vector{pay}, learned);
  }
  std::vector<float> row(int64_t i) const {
    const Sample sample = set->load(i);
    std::vector<float> out = sample.image.pixels;
    out.push_back(sample.labels[0].pixels[0]);
    return out;
  }
  TempFolder folder;
  std::unique_ptr<TabularDataset> set;
};

}  // namespace

TEST_CASE("the record of what was learned: JSON keeps every bit of it", "[learned]") {
  LearnedFromData learned;
  learned.normalize = Normalize::caffe;
  learned.height = 48;
  learned.width = 64;
  learned.tasks = {{"animal", {"bee", "caf\xe9", "\"quoted\"", "naïve"}},
                   {"age", {}, 1.0 / 3, 7e-9}};
  learned.columns = {{"job, or so", true, {"cook", "clerk"}, {"pilot"}},
                     {"x", false, {}, {}, 0.1, 2.0 / 7}};
  learned.task_values = {"1", "17"};
  learned.fingerprint = {5, 2, 3, {1, 2, ~0ULL}, {4, 5, 6}, {7, 8, 9}};
  const std::string text = to_json(learned);
  CHECK(learned_from_json(text, "c") == learned);

  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string broken = text;
    REQUIRE(broken.find(from) != std::string::npos);
    broken.replace(broken.find(from), from.size(), to);
    return message_of<DataError>([&] { learned_from_json(broken, "last"); });
  };
  CHECK_THAT(refused("\"version\":1", "\"version\":2"),
             contains_text("last: ") && contains_text("version 2"));
  CHECK_THAT(refused("7e-09", "-7e-09"), contains_text("no deviation"));
  CHECK_THAT(refused("\"clerk\"", "\"cook\""), contains_text("twice"));
  CHECK_THAT(refused("\"count\":5", "\"count\":7"), contains_text("3 hashes of 7"));
  CHECK_THAT(refused("\"normalize\":\"caffe\"", "\"normalize\":3"), contains_text("type"));
  CHECK_THAT(refused("{", "{{"), contains_text("cannot be read"));
}

TEST_CASE("class words keep the ids that they were learned with", "[learned][data]") {
  const Animals first({"cat", "bee", "cat"});
  CHECK(first.classes() == std::vector<int>{1, 0, 1});
  const LearnedFromData learned = first.set->learned();
  CHECK(learned.tasks[0].words == std::vector<std::string>{"bee", "cat"});
  // By its own words the second set would call the cat 0; the network calls it 1.
  CHECK(Animals({"cat", "dog", "dog"}).classes() == std::vector<int>{0, 1, 1});
  CHECK(Animals({"cat", "cat"}, &learned).classes() == std::vector<int>{1, 1});
  CHECK_THAT(message_of<DataError>([&] {
               Animals({"ant", "cat", "bee"}, &learned);
             }),
             contains_text("index.csv:2") && contains_text("'ant' is not among the 2 classes") &&
                 contains_text("bee, cat"));
  // Numbers are no words, and words no numbers.
  CHECK_THAT(message_of<DataError>([&] {
               Animals({"1", "0"}, &learned);
             }),
             contains_text("'1' is not among"));
  const LearnedFromData ids = Animals({"1", "0"}).set->learned();
  CHECK(ids.tasks[0].words.empty());
  CHECK_THAT(message_of<DataError>([&] {
               Animals({"1", "bee"}, &ids);
             }),
             contains_text("index.csv:3") && contains_text("'bee' is no number"));
}

TEST_CASE("task.names number the words of a column", "[learned][data]") {
  TaskSpec task = task_of("animal", TaskKind::classification, 3);
  task.names = {"dog", "cat", "bee"};
  CHECK(Animals({"cat", "bee", "cat"}, nullptr, task).classes() == std::vector<int>{1, 2, 1});
  CHECK_THAT(message_of<DataError>([&] {
               Animals({"cat", "ant"}, nullptr, task);
             }),
             contains_text("'ant' is not among the 3 classes"));
  CHECK(Animals({"2", "0"}, nullptr, task).classes() == std::vector<int>{2, 0});

  RunFile run;
  run.tasks = {task};
  CHECK(label_text({}, run.tasks[0], 0, 2) == "bee");
  LearnedFromData learned;
  learned.tasks = {{"animal", {"ant", "eel"}}};
  CHECK(label_text(learned, run.tasks[0], 0, 1) == "eel");
  run.tasks[0] = task_of("age", TaskKind::regression);
  run.tasks[0].unit = "years";
  learned.tasks = {{"age", {}, 40, 10}};
  CHECK(label_text(learned, run.tasks[0], 0, -0.5) == "35 years");
  run.tasks[0] = task_of("plain", TaskKind::classification, 4);
  CHECK(label_text({}, run.tasks[0], 0, 3) == "3");
  run.tasks[0].words = {{"x", 3}};
  CHECK(label_text({}, run.tasks[0], 0, 3) == "x");
}

TEST_CASE("new rows of a table change neither scales nor categories", "[learned][tabular]") {
  const People trained(people);
  const LearnedFromData learned = trained.set->learned();
  CHECK(learned.tasks[0].mean == 30);
  CHECK(learned.tasks[0].deviation == Catch::Approx(std::sqrt(1400.0 / 3)));
  CHECK(learned.columns[1].others == std::vector<std::string>{"pilot"});
  // A first row of extremes, and the same rows after it.
  std::string more = people;
  more.insert(more.find("20,"), "9000,cook,-9000,train\n");
  const People later(more, &learned);
  for (int64_t i = 0; i < 4; ++i) CHECK(later.row(i + 1) == trained.row(i));
  CHECK(People(more).row(1) != trained.row(0));  // without the record they are other numbers
  CHECK(later.set->learned() == learned);

  const auto refused = [&](const std::string& text) {
    return message_of<DataError>([&] { People(text, &learned); });
  };
  CHECK_THAT(refused(people + "1,Never-worked,1,test\n"),
             contains_text("t.csv:7") && contains_text("'Never-worked'") &&
                 contains_text("'job'") &&
                 contains_text("2 that the network learned: clerk, cook"));
  CHECK(People(people + "1,pilot,1,test\n", &learned).row(5)[1] == 0);  // as it was in training
  CHECK_THAT(refused("job,pay,part\nclerk,1,test\n"), contains_text("no column 'age'"));
  CHECK_THAT(refused("age,Job,pay,part\n1,cook,1,test\n"), contains_text("no column 'job'"));
}

TEST_CASE("columns of a trained network are found by name", "[learned][tabular]") {
  const People trained(people);
  const LearnedFromData learned = trained.set->learned();
  const People turned(
      "part,id,pay,job,age\ntrain,1,10,clerk,20\ntrain,2,20,cook,30\ntrain,3,60,clerk,40\n"
      "test,4,30,pilot,35\n",
      &learned);
  for (int64_t i = 0; i < 4; ++i) CHECK(turned.row(i) == trained.row(i));
}

TEST_CASE("tasks written out from a column do not lose or gain a value silently", "[learned]") {
  const TempFolder folder;
  DataSpec data = table_spec(folder, "school,x,y,part\n1,2,3,train\n2,3,4,train\n1,5,6,test\n");
  data.task_column = "school";
  const TaskSpec exam = [] {
    TaskSpec task = task_of("exam", TaskKind::regression);
    task.column = "y";
    return task;
  }();
  const TabularDataset set(data, {exam});
  const LearnedFromData learned = set.learned();
  table_spec(folder, "school,x,y,part\n1,2,3,train\n1,5,6,test\n");
  const TabularDataset fewer(data, set.tasks(), &learned);
  CHECK(fewer.tasks().size() == 2);
  CHECK(fewer.size() == 2);
  table_spec(folder, "school,x,y,part\n1,2,3,train\n11,5,6,test\n");
  CHECK_THAT(message_of<DataError>([&] { TabularDataset(data, set.tasks(), &learned); }),
             contains_text("t.csv:3") && contains_text("'11'") && contains_text("2 values"));
}

TEST_CASE("errors of standardised labels are in the label's unit", "[learned][metrics]") {
  TaskSpec task = task_of("y", TaskKind::regression);
  task.standardize = true;
  TaskMetrics metrics(task, Semantics::sound, 20);
  metrics.add(Tensor::from({3, 1, 1, 1}, {0, 0.5, 1}), Tensor::from({3, 1, 1, 1}, {0.1, 0.5, 0.8}));
  const auto values = metrics.finish();
  CHECK(*values[0].value == Catch::Approx(2));  // mae: (2 + 0 + 4) / 3
  CHECK(*values[1].value == Catch::Approx(std::sqrt(20.0 / 3)));
  TaskMetrics plain(task, Semantics::sound);
  plain.add(Tensor::from({3, 1, 1, 1}, {0, 0.5, 1}), Tensor::from({3, 1, 1, 1}, {0.1, 0.5, 0.8}));
  CHECK(*values[2].value == Catch::Approx(*plain.finish()[2].value));  // r2 knows no unit

  const TempFolder folder;
  write_rows(folder, twelve_rows());
  RunFile run = parse_run_text(run_text(folder.path()), "run.toml");
  const auto data = open_dataset(run);
  CpuContext cpu(1);
  Trainer trainer(run, *data, &cpu);
  // Test labels 93, 103, 113; an untrained network says about the mean, 43.
  const TaskResult result = trainer.evaluate_split(EvalSplit::test)[0];
  CHECK(result.metrics[0].name == "mae");
  CHECK(*result.metrics[0].value > 20);
  CHECK(unit_of(result, "mae", " ") == " cm");
  CHECK(unit_of(result, "r2", " ").empty());
}

TEST_CASE("labels that are all equal are learned as differences in their own unit", "[learned]") {
  const TempFolder folder;
  const DataSpec data = table_spec(folder, "x,y,part\n1,5,train\n2,5,train\n3,8,test\n");
  TaskSpec y = task_of("y", TaskKind::regression);
  y.standardize = true;
  const TabularDataset set(data, {y});
  CHECK(set.load(0).labels[0].pixels[0] == 0);
  CHECK(set.load(2).labels[0].pixels[0] == 3);  // and not 0, which would be a perfect score
}

TEST_CASE("a moved or relative data.root", "[learned][data]") {
  DataSpec data;
  data.kind = DataKind::csv;
  data.root = "set/";
  CHECK(kept_root(data) == (std::filesystem::current_path() / "set").string());
  data.root = ".";
  CHECK(kept_root(data) == std::filesystem::current_path().string());
  data.root = "$WEFT_DATA/set";
  CHECK(kept_root(data) == "$WEFT_DATA/set");
  data.root = "/a/b/";
  CHECK(kept_root(data) == "/a/b");
  RunFile run = parse_run_text(run_text("no/such"), "run.toml");
  CHECK_THAT(message_of<DataError>([&] { open_dataset(run); }),
             contains_text("no folder no/such in " + std::filesystem::current_path().string()) &&
                 contains_text("data.root=FOLDER"));
}
