// Tables of measurements: targets computed from columns with all that their labels carry, inputs
// transformed column by column and task by task, whole groups in one part, tasks trained on some
// groups and weighed by their labels; every mistake named.
#include <cmath>
#include <set>

#include "data/measured_label.h"
#include "data/sets/measured.h"
#include "data/sets/tabular.h"
#include "data/split.h"
#include "engine/error.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

/// Two types of device; `nan` geometry columns are W, L. The first row of n is below the floor.
const char* const currents =
    "type,part,W,L,vgs,vds,id,gm\n"
    "n,train,2,0.5,0,0.1,-1e-10,\n"
    "n,train,2,0.5,1,0.1,4e-5,1e-4\n"
    "n,train,4,0.5,1,0.2,8e-5,\n"
    "n,test,8,1,1,0.2,4e-5,2e-4\n"
    "p,train,2,0.5,5,0.1,2e-5,\n"
    "p,val,4,1,5,0.4,1e-5,5e-6\n";

DataSpec spec_of(const TempFolder& folder, const std::string& text = currents) {
  write_file(folder.file("t.csv"), text);
  DataSpec data;
  data.kind = DataKind::tabular;
  data.root = folder.path();
  data.index = "t.csv";
  data.normalize = Normalize::none;
  data.task_column = "type";
  data.split = "part";
  data.columns = {"vgs", "vds", "L"};
  return data;
}

TaskSpec device(const std::string& name) {
  TaskSpec task;
  task.name = name;
  task.kind = TaskKind::regression;
  task.column = "id";
  task.rows = name;
  task.target = "log10(id * L / W / vds)";
  task.floor = 1e-9;
  task.strong = "id * L / W > 1e-6";
  task.slopes = {"gm: vgs", "gm: vds"};
  task.relative_to = 1e-6;
  return task;
}

}  // namespace

TEST_CASE("a measured label: target, bound, strong, reference and slopes", "[tabular][target]") {
  const TempFolder folder;
  TaskSpec n = device("n"), p = device("p");
  n.standardize = p.standardize = true;
  const TabularDataset set(spec_of(folder), {n, p});
  const auto t = [](double id, double l, double w, double vds) {
    return std::log10(id * l / w / vds);
  };
  // One column and target: one unit for both tasks, of the four training labels.
  const std::vector<double> train{t(1e-9, 0.5, 2, 0.1), t(4e-5, 0.5, 2, 0.1), t(8e-5, 0.5, 4, 0.2),
                                  t(2e-5, 0.5, 2, 0.1)};
  double mean = 0, square = 0;
  for (double v : train) mean += v / 4;
  for (double v : train) square += (v - mean) * (v - mean) / 4;
  const double deviation = std::sqrt(square);
  const auto label = [&](int64_t row, size_t task) { return set.load(row).labels[task].pixels; };
  REQUIRE(label(0, 0).size() == static_cast<size_t>(measured::channels(2)));
  CHECK(label(0, 0)[measured::value] == Catch::Approx((train[0] - mean) / deviation));
  CHECK(label(0, 0)[measured::bound] == 1);
  CHECK(label(0, 0)[measured::strong] == 0);
  const auto on = label(1, 0);
  CHECK(on[measured::value] == Catch::Approx((train[1] - mean) / deviation));
  CHECK(on[measured::bound] == 0);
  CHECK(on[measured::strong] == 1);
  CHECK(on[measured::unit] == Catch::Approx(deviation));
  CHECK(on[measured::reference] == Catch::Approx(1e-6 / std::pow(10.0, train[1])));
  CHECK(on[measured::slopes] == Catch::Approx(1e-4 / 4e-5));
  CHECK(on[measured::slopes + 1] == 0);                        // vgs is not in the target
  CHECK(on[measured::slopes + 3] == Catch::Approx(-1 / 0.1));  // vds is, to the power -1
  CHECK(std::isnan(label(2, 0)[measured::slopes]));
  CHECK(set.load(1).labels[1].empty());  // the row is n's
  CHECK(!set.labelled(4, 0));
  CHECK(set.labelled(4, 1));
  CHECK(set.input_names() == std::vector<std::string>{"L", "vgs", "vds"});
}

TEST_CASE("slopes turned back are those of y, and at an input of 0 their limit",
          "[tabular][target]") {
  const TempFolder folder;
  std::string text = "type,part,W,L,vgs,vds\n";
  for (const char* vds : {"0", "-1e-4", "1e-4", "0.2", "0.1999", "0.2001"})
    text += fmt::format("n,test,2,0.5,1,{}\n", vds);
  const Table table = read_table(spec_of(folder, text));
  const auto check = [&](const std::string& target, int64_t row) {
    CAPTURE(target, row);
    TaskSpec task = device("n");
    task.target = target;
    task.scale = 2;
    const MeasuredLabels labels(table, task, /*labels=*/false);
    const double t = -4, by_vds = 0.3;  // dt / dvds
    const double below = labels.back(row + 1, t - 1e-4 * by_vds);
    const double above = labels.back(row + 2, t + 1e-4 * by_vds);
    CHECK(labels.slope_back(row, 1, t, by_vds) ==
          Catch::Approx((above - below) / 2e-4).epsilon(1e-5).margin(1e-12));
    CHECK(labels.slope_back(row, 0, t, 0.7) ==
          Catch::Approx(labels.back(row, t) * std::log(10.0) * 0.7));
  };
  for (const int64_t row : {0, 3}) {
    check("log10(id * L / W / vds)", row);
    check("log10(id / vds^2)", row);
    check("log10(id)", row);
  }
  check("log10(id * vds)", 3);
}

TEST_CASE("columns are transformed, then standardised by the training rows", "[tabular][target]") {
  const TempFolder folder;
  DataSpec data = spec_of(folder);
  ColumnSpec vgs{"vgs", Transform::asinh, 0.5, /*by_task=*/true, /*standardize=*/false};
  ColumnSpec length{"L", Transform::log10, 1, false, true};
  ColumnSpec vds{"vds", Transform::log, 0.1, false, false};
  data.column_specs = {vgs, length, vds};
  TaskSpec n = device("n"), p = device("p");
  p.input_scale = 5;
  const TabularDataset set(data, {n, p});
  const auto row = [&](int64_t i) { return set.load(i).image.pixels; };
  CHECK(row(1)[1] == Catch::Approx(std::asinh(1 / 0.5)));
  CHECK(row(4)[1] == Catch::Approx(std::asinh(5 / 0.5 / 5)));
  CHECK(row(1)[2] == Catch::Approx(0).margin(1e-6));
  CHECK(row(5)[2] == Catch::Approx(std::log(4.0)));
  CHECK(row(1)[0] == 0);  // L is constant where it is trained
  // The slope by the column is that of the input, by central differences.
  const std::vector<LearnedColumn> columns = set.learned().columns;
  const auto place = input_of(columns, "vgs", "slopes");
  CHECK(place == 1);
  const auto input = [](double x) { return std::asinh(x / 0.5 / 5); };
  CHECK(input_slope(columns[1], input(3), 5) ==
        Catch::Approx((input(3 + 1e-5) - input(3 - 1e-5)) / 2e-5).epsilon(1e-8));
  CHECK(input_slope(columns[2], std::log(0.3 / 0.1), 1) == Catch::Approx(1 / 0.3));
  LearnedColumn tens{"x", false, {}, {}, 0.3, 2, Transform::log10, 4, false};
  const auto ten = [](double x) { return (std::log10(x / 4) - 0.3) / 2; };
  CHECK(input_slope(tens, ten(7), 1) ==
        Catch::Approx((ten(7 + 1e-5) - ten(7 - 1e-5)) / 2e-5).epsilon(1e-8));
  LearnedColumn inverse{"x", false, {}, {}, 0.3, 2, Transform::reciprocal, 4, false};
  const auto one_over = [](double x) { return (4 / x - 0.3) / 2; };
  CHECK(input_slope(inverse, one_over(7), 1) ==
        Catch::Approx((one_over(7 + 1e-5) - one_over(7 - 1e-5)) / 2e-5).epsilon(1e-8));
  CHECK_THAT(message_of<ConfigError>([&] { input_of(columns, "W", "task.n.slopes"); }),
             contains_text("task.n.slopes: 'W' is no numeric input column"));
  const TabularDataset again(data, {n, p}, std::make_unique<LearnedFromData>(set.learned()).get());
  CHECK(again.load(4).image.pixels == row(4));
  CHECK(learned_from_json(to_json(set.learned()), "here").columns == columns);
}

TEST_CASE("a column's or a slope's name that is no input is refused when the table is opened",
          "[tabular][target]") {
  const TempFolder folder;
  DataSpec data = spec_of(folder);
  TaskSpec n = device("n");
  n.slopes = {"gm: W"};
  CHECK_THAT(message_of<ConfigError>([&] {
               TabularDataset(data, {n, device("p")});
             }),
             contains_text("task.n.slopes: 'W' is no numeric input column"));
  for (const char* name : {"v*", "W"}) {
    data.column_specs = {{name, Transform::log10, 1, false, true}};
    CHECK_THAT(message_of<ConfigError>([&] {
                 TabularDataset(data, {device("n"), device("p")});
               }),
               contains_text(fmt::format("[[column]] '{}': is no input", name)));
  }
}

TEST_CASE("a group is in one part whole, and a task may train on some", "[tabular][target]") {
  const TempFolder folder;
  DataSpec data = spec_of(folder);
  data.group = {"W", "L"};
  TaskSpec n = device("n"), p = device("p");
  n.train_groups = {"4x0.5"};
  n.standardize = true;
  const TabularDataset set(data, {n, p});
  REQUIRE(set.size() == 4);  // n's two training rows of another group are gone
  CHECK(set.key(0) == "t.csv:4");
  CHECK(set.labelled(0, 0));
  CHECK(set.split(1) == Split::test);
  CHECK(set.labelled(1, 0));
  CHECK(set.only_task(2) == 1);
  CHECK(set.labelled(2, 1));
  // What is learned comes from rows that are trained on: p's unit is p's own, n's of one row.
  const double t = std::log10(8e-5 * 0.5 / 4 / 0.2);
  CHECK(set.learned().tasks[0].mean == Catch::Approx(t));
  CHECK(set.learned().tasks[1].mean == 0);
  n.train_groups = {"4x0.6"};
  CHECK_THAT(
      message_of<ConfigError>([&] {
        TabularDataset(data, {n, p});
      }),
      contains_text("task.n.train_groups: the task has no training row of the group '4x0.6'"));
  const DataSpec torn = [&] {
    DataSpec d = spec_of(folder, std::string(currents) + "n,train,8,1,1,0.1,1e-5,\n");
    d.group = {"W", "L"};
    return d;
  }();
  CHECK_THAT(message_of<DataError>([&] {
               TabularDataset(torn, {device("n"), device("p")});
             }),
             contains_text("t.csv:5 and t.csv:8: both are of the group 8x1 (data.group), but they "
                           "are in two parts"));
  DataSpec whole = spec_of(folder, "type,part,W,L,vgs,vds,id,gm\nn,train,2,1,1,1,1e-5,\n");
  whole.group = {"W"};
  CHECK_THAT(message_of<ConfigError>([&] { TabularDataset(whole, {device("n")}); }),
             contains_text("there is no validation part"));
  // By ratio, too: 40 rows of 10 groups, of which two are tested.
  std::string text = "g,x,y\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("{},{},{}\n", i % 10, i, i);
  DataSpec by_ratio = spec_of(folder, text);
  by_ratio.task_column = by_ratio.split = "";
  by_ratio.columns = {"x"};
  by_ratio.group = {"g"};
  by_ratio.ratio = {0.1, 0.2};
  TaskSpec y;
  y.name = y.column = "y";
  y.kind = TaskKind::regression;
  const TabularDataset divided(by_ratio, {y});
  const Parts parts = make_parts(divided);
  CHECK(parts.test.size() == 8);
  CHECK(parts.val.size() == 4);
  for (int64_t row = 10; row < 40; ++row) CHECK(divided.split(row) == divided.split(row - 10));
}

TEST_CASE("a group's columns are compared as numbers where they are numbers", "[tabular][target]") {
  const TempFolder folder;
  // 7 and 7.0, 0.5 and 5e-1, 0 and -0.0: one group each.
  const std::string header = "type,part,W,L,vgs,vds,id,gm\n";
  DataSpec data = spec_of(folder, header +
                                      "n,train,7,0.5,1,1,1e-5,\nn,train,7.0,5e-1,2,1,2e-5,\n"
                                      "n,train,8,0,1,1,1e-5,\nn,train,08,-0.0,1,1,1e-5,\n"
                                      "n,val,9,0.5,1,1,1e-5,\n");
  data.group = {"W", "L"};
  data.columns = {"vgs", "vds"};
  TaskSpec n = device("n");
  n.target = "log10(id / vds)";
  n.strong = "";
  n.train_groups = {"7.00x0.50"};
  const TabularDataset set(data, {n});
  REQUIRE(set.size() == 3);
  CHECK(set.key(1) == "t.csv:3");
  CHECK(set.labelled(1, 0));
  const auto refused = [&](const std::string& rows, const std::string& words) {
    DataSpec torn = spec_of(folder, header + rows);
    torn.group = {"W", "L"};
    torn.columns = {"vgs", "vds"};
    n.train_groups.clear();
    CHECK_THAT(message_of<DataError>([&] { TabularDataset(torn, {n}); }), contains_text(words));
  };
  refused("n,train,7,8,1,1,1e-5,\nn,val,7.0,8,1,1,1e-5,\n",
          "t.csv:2 and t.csv:3: both are of the group 7x8 (data.group)");
  // By ratio: 20 groups of two rows that say the same in two ways.
  std::string text = "g,x,y\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("{}{},{},{}\n", i / 2, i % 2 ? ".0" : "", i, i);
  DataSpec by_ratio = spec_of(folder, text);
  by_ratio.task_column = by_ratio.split = "";
  by_ratio.columns = {"x"};
  by_ratio.group = {"g"};
  by_ratio.ratio = {0.2, 0.3};
  TaskSpec y;
  y.name = y.column = "y";
  y.kind = TaskKind::regression;
  const TabularDataset divided(by_ratio, {y});
  for (int64_t row = 0; row < 40; row += 2) CHECK(divided.split(row) == divided.split(row + 1));
  // One word among the cells, and all are words: "7" is not "7.0" then.
  text += "A7,40,40\n";
  by_ratio = spec_of(folder, text + "7.00,41,41\n");
  by_ratio.task_column = "";
  by_ratio.split = "";
  by_ratio.columns = {"x"};
  by_ratio.group = {"g"};
  by_ratio.ratio = {0.5, 0};
  const TabularDataset words(by_ratio, {y});
  int64_t torn = 0;
  for (int64_t row = 0; row < 40; row += 2) torn += words.split(row) != words.split(row + 1);
  CHECK(torn > 0);
}

TEST_CASE("groups are held out whole; the two parts of the search divide training rows",
          "[tabular][target]") {
  const TempFolder folder;
  std::string text = "g,x,y\n";
  for (int i = 0; i < 200; ++i) text += fmt::format("{},{},{}\n", i % 10, i, i);
  DataSpec data = spec_of(folder, text);
  data.task_column = data.split = "";
  data.columns = {"x"};
  data.group = {"g"};
  data.ratio = {0.2, 0.2};
  TaskSpec y;
  y.name = y.column = "y";
  y.kind = TaskKind::regression;
  const TabularDataset set(data, {y});
  const Parts parts = make_parts(set);
  const auto groups = [](const std::vector<int64_t>& rows) {
    std::set<int64_t> out;
    for (const int64_t row : rows) out.insert(row % 10);
    return out;
  };
  CHECK(groups(parts.val).size() == 2);
  CHECK(groups(parts.test).size() == 2);
  for (const auto* held_out : {&parts.val, &parts.test})
    for (const int64_t group : groups(*held_out)) CHECK(groups(parts.train).count(group) == 0);
  // A fifth of the rows each, not of the six groups, which a task with one of them could not spare.
  CHECK(parts.policy.size() == 24);
  CHECK(groups(parts.weights).size() == 6);
}

TEST_CASE("a missing cell is the mean, or refused where a column has none", "[tabular][target]") {
  const TempFolder folder;
  const std::string text =
      "type,part,W,L,vgs,vds,id,gm\nn,train,2,1,1,1,1e-5,\nn,train,2,1,,1,1e-5,\n"
      "n,train,2,1,3,1,1e-5,\n";
  DataSpec data = spec_of(folder, text);
  const TabularDataset mean(data, {device("n")});
  CHECK(mean.load(1).image.pixels[1] == 0);
  data.column_specs = {{"vgs", Transform::none, 1, false, /*standardize=*/false}};
  const std::string words =
      "t.csv:3: column 'vgs' is empty, and 0 would count as a value of it: [[column]] 'vgs' leaves "
      "out mean and deviation";
  CHECK_THAT(message_of<DataError>([&] { TabularDataset(data, {device("n")}); }),
             contains_text(words));
  // In a table that comes later, too.
  write_file(folder.file("t.csv"), "type,part,W,L,vgs,vds,id,gm\nn,train,2,1,1,1,1e-5,\n");
  const LearnedFromData learned = TabularDataset(data, {device("n")}).learned();
  write_file(folder.file("t.csv"), text);
  CHECK_THAT(message_of<DataError>([&] { TabularDataset(data, {device("n")}, &learned); }),
             contains_text(words));
}

TEST_CASE("tasks weigh as a power of their labels", "[tabular][target]") {
  const TempFolder folder;
  DataSpec data = spec_of(folder);
  data.label_power = 0.5;
  const TabularDataset set(data, {device("n"), device("p")});  // 3 and 1 training labels
  const double sum = std::sqrt(3.0) + 1;
  CHECK(set.tasks()[0].weight == Catch::Approx(2 * std::sqrt(3.0) / sum));
  CHECK(set.tasks()[1].weight == Catch::Approx(2 / sum));
}

TEST_CASE("what a table of measurements cannot give is named", "[tabular][target]") {
  const TempFolder folder;
  TaskSpec n = device("n"), p = device("p");
  const auto refused = [&](const DataSpec& data) {
    return message_of<UserError>([&] { TabularDataset(data, {n, p}); });
  };
  const DataSpec data = spec_of(folder);
  n.floor = {};
  CHECK_THAT(refused(data), contains_text("t.csv:2: column 'id': -1e-10 gives no number by task "
                                          "'n': log10(id * L / W / vds); task.floor says"));
  n = device("n");
  n.target = "log10(id / width)";
  CHECK_THAT(refused(data), contains_text("'width'"));
  n = device("n");
  DataSpec logs = data;
  logs.column_specs = {{"vgs", Transform::log}};
  CHECK_THAT(refused(logs), contains_text("t.csv:2: column 'vgs': 0 has no logarithm"));
  logs.column_specs = {{"vgs", Transform::reciprocal}};
  CHECK_THAT(refused(logs), contains_text("t.csv:2: column 'vgs': 0 has no reciprocal"));
  logs.column_specs = {{"vbs", Transform::asinh}};
  CHECK_THAT(refused(logs), contains_text("[[column]]: 'vbs' is no input column"));
  DataSpec wide = data;
  wide.task_column = "";
  wide.leave_out = {"type"};
  n.rows = p.rows = "";
  n.input_scale = 2;
  CHECK_THAT(refused(wide), contains_text("data.task_column names one for each row"));
}
