// Tables: columns chosen by name and pattern, one-hot and standardised by the training rows alone,
// missing cells, labels through map, a test file of its own, one task per value of a column, every
// mistake named; then the real sets with their numbers of rows, inputs and tasks.
#include "data/sets/tabular.h"

#include <cmath>
#include <cstdlib>
#include <numeric>

#include "data/loader.h"
#include "data/split.h"
#include "io/files.h"
#include "models/sharing/sharing.h"
#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

TaskSpec task_of(const std::string& name, TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = name;
  task.kind = kind;
  task.classes = classes;
  return task;
}

DataSpec spec_of(const std::string& root) {
  DataSpec data;
  data.kind = DataKind::tabular;
  data.root = root;
  data.index = "t.csv";
  data.normalize = Normalize::none;
  return data;
}

float label(const Dataset& set, int64_t row, size_t task) {
  const Sample sample = set.load(row);
  return sample.labels[task].empty() ? NAN : sample.labels[task].pixels[0];
}

/// Four training rows, one of validation, one of test; `far` values outside the training rows.
const char* const people =
    "age,job,id,pay,owns,part\n"
    "20, clerk,1,10,yes,train\n"
    "30,cook ,2,,no,train\n"
    "?,clerk,3,30,yes,train\n"
    "40,?,4,50,no,train\n"
    "9000,pilot,5,20,yes,val\n"
    "-9000,cook,6,40,,test\n";

DataSpec people_spec(const TempFolder& folder) {
  write_file(folder.file("t.csv"), people);
  DataSpec data = spec_of(folder.path());
  data.split = "part";
  data.categorical = {"job"};
  data.leave_out = {"id"};
  data.missing = {"?"};
  return data;
}

/// A run file on the table that `rows(i)` writes, with a small MLP.
std::string run_text(const std::string& root, const std::string& data, const std::string& tasks,
                     const std::string& sharing = "adashare") {
  return fmt::format(
      "sharing = \"{}\"\n[model]\ntrunk = \"mlp\"\nhidden = 16\nblocks = 3\n"
      "[data]\nkind = \"tabular\"\nroot = \"{}\"\nindex = \"t.csv\"\nbatch = 16\nworkers = 1\n{}\n"
      "{}\n[warmup]\nsteps = 12\noptimizer = {{ lr = 1e-2, betas = [0.9, 0.999] }}\n"
      "[policy]\nsteps = 18\nweight_steps = 2\nlogit_steps = 1\ncurriculum_speed = 1\n"
      "optimizer = {{ lr = 0.02 }}\nchoose = \"likely\"\n[retrain]\nsteps = 60\n[eval]\nevery = "
      "50\n",
      sharing, root, data, tasks);
}

}  // namespace

TEST_CASE("tables: numbers and categories by the training rows alone", "[tabular]") {
  const TempFolder folder;
  TaskSpec pay = task_of("pay", TaskKind::regression);
  pay.scale = 0.1;
  const TabularDataset set(people_spec(folder), {pay, task_of("owns", TaskKind::binary)});
  REQUIRE(set.size() == 6);
  CHECK(set.input_names() == std::vector<std::string>{"age", "job=clerk", "job=cook"});
  // Ages 20, 30, 40: mean 30, deviation sqrt(200 / 3).
  const float step = static_cast<float>(10 / std::sqrt(200.0 / 3));
  const auto row = [&](int64_t i) { return set.load(i).image.pixels; };
  CHECK(row(0) == std::vector<float>{-step, 1, 0});
  CHECK(row(1) == std::vector<float>{0, 0, 1});
  CHECK(row(2) == std::vector<float>{0, 1, 0});     // a missing age is the mean
  CHECK(row(3) == std::vector<float>{step, 0, 0});  // a missing job is none
  CHECK(row(4)[0] == Catch::Approx(897 * step));    // val: standardised by train's numbers
  CHECK(row(4)[1] + row(4)[2] == 0);                // a job that train never saw
  CHECK(set.load(0).image.height == 1);
  CHECK(label(set, 0, 0) == 1);
  CHECK(std::isnan(label(set, 1, 0)));
  CHECK(label(set, 3, 0) == 5);
  CHECK(label(set, 0, 1) == 1);
  CHECK(label(set, 1, 1) == 0);
  CHECK(std::isnan(label(set, 5, 1)));
  CHECK(set.split(3) == Split::train);
  CHECK(set.split(4) == Split::val);
  CHECK(set.split(5) == Split::test);
  CHECK(set.key(5) == "t.csv:7");
}

TEST_CASE("tables: what val and test rows hold changes no training number", "[tabular]") {
  const TempFolder folder, other;
  const auto inputs = [](const DataSpec& data) {
    const TabularDataset set(
        data, {task_of("pay", TaskKind::regression), task_of("owns", TaskKind::binary)});
    std::vector<float> out;
    for (int64_t i = 0; i < 4; ++i) {
      const auto row = set.load(i).image.pixels;
      out.insert(out.end(), row.begin(), row.end());
    }
    return out;
  };
  DataSpec changed = people_spec(other);
  std::string text = people;
  text.replace(text.find("9000,pilot"), 10, "1,cook");
  write_file(other.file("t.csv"), text);
  CHECK(inputs(people_spec(folder)) == inputs(changed));
  // The same where weft itself divides validation rows off: they do not count either.
  const DataSpec divided = spec_of(folder.path());
  std::string numbers = "x,y\n";
  for (int i = 0; i < 40; ++i) numbers += fmt::format("{},{}\n", i * i % 17, i);
  write_file(folder.file("t.csv"), numbers);
  const TabularDataset set(divided, {task_of("y", TaskKind::regression)});
  const Parts parts = make_parts(set);
  REQUIRE(parts.val.size() == 4);
  double sum = 0, squares = 0;
  for (int64_t i : parts.train) {
    const double v = set.load(i).image.pixels[0];
    sum += v;
    squares += v * v;
  }
  CHECK(sum == Catch::Approx(0).margin(1e-5));
  CHECK(squares / static_cast<double>(parts.train.size()) == Catch::Approx(1).epsilon(1e-5));
}

TEST_CASE("tables: standardised labels, words through map, names in order", "[tabular]") {
  const TempFolder folder;
  DataSpec data = people_spec(folder);
  data.columns = {"age"};
  TaskSpec pay = task_of("income", TaskKind::regression);
  pay.column = "pay";
  pay.standardize = true;
  TaskSpec job = task_of("job", TaskKind::binary);
  job.words = {{"cook", 1}, {"clerk", 0}, {"pilot", 0}};
  TaskSpec named = task_of("work", TaskKind::classification, 3);
  named.column = "job";
  const TabularDataset set(data, {pay, job, named});
  // Pay of the training rows: 10, 30, 50.
  CHECK(label(set, 0, 0) == Catch::Approx(-20 / std::sqrt(800.0 / 3)));
  CHECK(label(set, 4, 0) == Catch::Approx(-10 / std::sqrt(800.0 / 3)));
  CHECK(label(set, 0, 1) == 0);
  CHECK(label(set, 1, 1) == 1);
  CHECK(std::isnan(label(set, 3, 1)));
  CHECK(label(set, 0, 2) == 0);  // clerk, cook, pilot
  CHECK(label(set, 1, 2) == 1);
  CHECK(label(set, 4, 2) == 2);
}

TEST_CASE("tables: a test file of its own, without names, with comments", "[tabular]") {
  const TempFolder folder;
  write_file(folder.file("t.csv"), "1, a, >50K\n2, b, <=50K\n3, a, <=50K\n4, b, >50K\n");
  write_file(folder.file("test.csv"), "|a comment, with, commas, and more\n7, b, >50K.\n\n");
  DataSpec data = spec_of(folder.path());
  data.test_index = "test.csv";
  data.header = {"x", "kind", "income"};
  data.comment = "|";
  data.categorical = {"k*"};
  TaskSpec income = task_of("income", TaskKind::binary);
  income.words = {{"<=50K", 0}, {">50K", 1}, {"<=50K.", 0}, {">50K.", 1}};
  const TabularDataset set(data, {income});
  REQUIRE(set.size() == 5);
  CHECK(set.split(3) == Split::train);
  CHECK(set.split(4) == Split::test);
  CHECK(set.key(4) == "test.csv:2");
  CHECK(label(set, 0, 0) == 1);
  CHECK(label(set, 4, 0) == 1);
  CHECK(set.input_names() == std::vector<std::string>{"x", "kind=a", "kind=b"});
}

TEST_CASE("tables: one task for each value of a column", "[tabular]") {
  const TempFolder folder;
  write_file(folder.file("t.csv"),
             "school,y,x,part\n10,1,5,train\n9,2,6,train\n10,3,7,train\n9,9,1,test\n9,8,2,val\n");
  DataSpec data = spec_of(folder.path());
  data.split = "part";
  data.task_column = "school";
  TaskSpec exam = task_of("exam", TaskKind::regression);
  exam.column = "y";
  exam.standardize = true;
  const TabularDataset set(data, {exam});
  REQUIRE(set.tasks().size() == 2);
  CHECK(set.tasks()[0].name == "exam-9");  // numbers in their order
  CHECK(set.tasks()[1].name == "exam-10");
  CHECK(set.tasks()[1].rows == "10");
  CHECK(set.input_names() == std::vector<std::string>{"x"});
  CHECK(std::isnan(label(set, 0, 0)));
  CHECK(label(set, 0, 1) == Catch::Approx(-std::sqrt(1.5)));  // 1, 2, 3 over all schools
  CHECK(label(set, 1, 0) == Catch::Approx(0).margin(1e-6));
  // Written out once, they stay as they are; and some of them may be chosen.
  CHECK(TabularDataset(data, set.tasks()).tasks().size() == 2);
  CHECK(set.only_task(0) == 1);
  CHECK(set.only_task(1) == 0);
  const TabularDataset one(data, {set.tasks()[0]});
  CHECK(one.tasks().size() == 1);
  REQUIRE(one.size() == 3);  // the rows of school 9
  CHECK(one.key(0) == "t.csv:3");
  CHECK(one.only_task(0) == 0);
  CHECK(one.split(1) == Split::test);
  // Two labels a row: it belongs to both.
  TaskSpec other = exam;
  other.name = "other";
  CHECK(TabularDataset(data, {exam, other}).only_task(0) == -1);
  CHECK(TabularDataset(data, {exam, other}).tasks().size() == 4);
  exam.rows = "11";
  CHECK_THAT(message_of<DataError>([&] { TabularDataset(data, {exam}); }), contains_text("'11'"));
}

TEST_CASE("tables: mistakes are named", "[tabular]") {
  const TempFolder folder;
  const auto refused = [&](auto change) {
    DataSpec data = people_spec(folder);
    data.leave_out = {"id", "owns"};
    std::vector<TaskSpec> tasks{task_of("pay", TaskKind::regression)};
    change(data, tasks);
    return message_of<UserError>([&] { TabularDataset(data, tasks); });
  };
  using Tasks = std::vector<TaskSpec>;
  CHECK_THAT(
      refused([](DataSpec& d, Tasks&) { d.categorical.clear(); }),
      contains_text("t.csv:2") && contains_text("'clerk'") && contains_text("data.categorical"));
  CHECK_THAT(refused([](DataSpec& d, Tasks&) { d.missing.clear(); }), contains_text("t.csv:4"));
  CHECK_THAT(
      refused([](DataSpec& d, Tasks&) {
        d.columns = {"age", "weight"};
      }),
      contains_text("data.columns") && contains_text("'weight'") && contains_text("age, job"));
  CHECK_THAT(refused([](DataSpec& d, Tasks&) { d.columns = {"pay"}; }), contains_text("'pay'"));
  CHECK_THAT(refused([](DataSpec& d, Tasks&) { d.leave_out = {"*"}; }), contains_text("no column"));
  CHECK_THAT(refused([](DataSpec& d, Tasks&) { d.split = "job"; }), contains_text("'clerk'"));
  CHECK_THAT(refused([](DataSpec&, Tasks& t) { t[0].column = "wage"; }),
             contains_text("'wage'") && contains_text("age, job, id"));
  CHECK_THAT(refused([](DataSpec&, Tasks& t) {
               t[0] = task_of("job", TaskKind::binary);
               t[0].words = {{"cook", 1}};
             }),
             contains_text("t.csv:2") && contains_text("none of the words"));
  write_file(folder.file("t.csv"), "a,b\n1,2\n");
  DataSpec data = spec_of(folder.path());
  write_file(folder.file("u.csv"), "a\n1\n");
  data.test_index = "u.csv";
  CHECK_THAT(
      message_of<DataError>([&] { TabularDataset(data, {task_of("b", TaskKind::regression)}); }),
      contains_text("u.csv: column 'b' is missing") && contains_text("names a"));
}

TEST_CASE("tables: the run file is completed from the data, once", "[tabular]") {
  const TempFolder folder;
  std::string text = "school,y,x0,x1\n";
  for (int i = 0; i < 90; ++i) text += fmt::format("{},{},{},{}\n", i % 5, i % 7, i % 11, i % 4);
  write_file(folder.file("t.csv"), text);
  RunFile run = parse_run_text(
      run_text(
          folder.path(), "task_column = \"school\"\nratio = [0.2, 0.2]",
          "[[task]]\nname = \"exam\"\nkind = \"regression\"\ncolumn = \"y\"\nstandardize = true"),
      "run.toml");
  CHECK(run.data.normalize == Normalize::none);
  const auto data = open_dataset(run);
  CHECK(run.model.in_channels == 2);
  REQUIRE(run.tasks.size() == 5);
  RunFile again = parse_run_text(print_run_file(run), "again.toml");
  CHECK(print_run_file(again) == print_run_file(run));
  open_dataset(again);
  CHECK(print_run_file(again) == print_run_file(run));
  again.model.in_channels = 3;
  CHECK_THAT(message_of<ConfigError>([&] { open_dataset(again); }),
             contains_text("model.in_channels") && contains_text("2"));
}

TEST_CASE("tables: words in map, and what a table's run file cannot say", "[tabular][run_file]") {
  const std::string task = "[[task]]\nname = \"a\"\nkind = \"binary\"\n";
  const std::string words = "map = { \"<=50K\" = 0, \">50K\" = 1, 7 = 1, \"say \\\"x\\\"\" = 0 }";
  const RunFile run = parse_run_text(run_text("r", "", task + words), "run.toml");
  const std::map<std::string, int> expected{{"<=50K", 0}, {">50K", 1}, {"say \"x\"", 0}};
  CHECK(run.tasks[0].words == expected);
  CHECK(run.tasks[0].map == std::map<int, int>{{7, 1}});
  CHECK(parse_run_text(print_run_file(run), "again.toml").tasks[0].words == expected);

  const auto refused = [&](const std::string& tasks, std::vector<std::string> overrides = {}) {
    return message_of<ConfigError>(
        [&] { parse_run_text(run_text("r", "", tasks), "run.toml", overrides); });
  };
  CHECK_THAT(refused(task + words, {"data.kind=scenes"}), contains_text("'<=50K' is none"));
  CHECK_THAT(refused(task + "map = { yes = 2 }"), contains_text("maps 'yes' to 2"));
  CHECK_THAT(refused(task + "standardize = true"), contains_text("standardize"));
  CHECK_THAT(refused(task + "rows = \"7\""), contains_text("data.task_column"));
  CHECK_THAT(refused(task, {"model.trunk=resnet18"}), contains_text("\"mlp\""));
  CHECK_THAT(refused(task, {"data.normalize=imagenet"}), contains_text("training rows"));
  CHECK_THAT(refused(task, {"data.test_index=t.csv", "data.split=part"}),
             contains_text("data.test_index"));
  CHECK_THAT(refused("[[task]]\nname = \"a\"\nkind = \"depth\"\n"), contains_text("a.kind"));
}

TEST_CASE("tables train under AdaShare through every phase", "[tabular][trainer]") {
  const TempFolder folder;
  std::string text = "who,x0,x1,x2,y,part\n";
  for (int i = 0; i < 400; ++i) {
    const double a = std::sin(i * 1.7), b = std::cos(i * 0.9), c = std::sin(i * 0.31);
    text += fmt::format("{},{},{},{},{},{}\n", i % 4, a, b, c, a * b + 0.3 * (i % 4) * c,
                        i % 5 ? "train" : "test");
  }
  write_file(folder.file("t.csv"), text);
  RunFile run = parse_run_text(
      run_text(folder.path(), "task_column = \"who\"\nsplit = \"part\"",
               "[[task]]\nname = \"f\"\nkind = \"regression\"\ncolumn = \"y\"\nstandardize = true"),
      "run.toml", {"retrain.steps=300"});
  const auto data = open_dataset(run);
  CpuContext cpu(2);
  Trainer trainer(run, *data, &cpu);
  while (trainer.step()) {
  }
  CHECK(trainer.state().chosen.select.size() == 4);
  // Standardised labels: a constant scores 1.
  for (const TaskResult& r : trainer.evaluate_split(EvalSplit::test)) {
    INFO(r.task);
    CHECK(r.loss < 0.5);
  }
}

TEST_CASE("tables: the real sets, by their run files", "[tabular][data]") {
  if (std::getenv("WEFT_DATA") == nullptr) WEFT_SKIP("WEFT_DATA not set");
  const auto open = [](const std::string& name) {
    RunFile run = parse_run_file(source_dir() + "/runs/" + name);
    auto data = open_dataset(run);
    return std::make_pair(std::move(run), std::move(data));
  };
  SECTION("adult") {
    const auto [run, data] = open("adult.toml");
    const Parts parts = make_parts(*data);
    CHECK(parts.train.size() + parts.val.size() == 32561);
    CHECK(parts.test.size() == 16281);
    // age, two of capital, hours; 8 workclasses, 14 occupations, 5 races, 2 sexes, 41 countries
    CHECK(run.model.in_channels == 4 + 8 + 14 + 5 + 2 + 41);
    double income = 0;
    for (int64_t i : parts.test) income += data->load(i).labels[0].pixels[0];
    CHECK(income == 3846);
  }
  SECTION("school") {
    const auto [run, data] = open("school.toml");
    CHECK(run.tasks.size() == 139);
    CHECK(data->size() == 15362);
    CHECK(make_parts(*data).test.size() == 3845);
    const Sample sample = data->load(77);
    CHECK(std::count_if(sample.labels.begin(), sample.labels.end(),
                        [](const Picture& p) { return !p.empty(); }) == 1);
  }
  SECTION("sarcos") {
    const auto [run, data] = open("sarcos.toml");
    CHECK(run.tasks.size() == 7);
    CHECK(run.model.in_channels == 21);
    CHECK(data->size() == 4449);
  }
}
