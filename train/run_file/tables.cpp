// Checks of runs on tables; see tables.h.
#include "train/run_file/tables.h"

#include <algorithm>
#include <set>

#include "data/target.h"
#include "engine/error.h"
#include "models/sharing/way.h"

namespace weft {
namespace {

class Checker {
 public:
  explicit Checker(const RunFile& run) : run_(run), data_(run.data) {}

  void require(bool ok, const std::string& key, const std::string& message) const {
    if (!ok) throw ConfigError(fmt::format("{}: '{}' {}", run_.place(key), key, message));
  }

  void table() const {
    require(
        run_.model.trunk == TrunkName::mlp, "model.trunk",
        fmt::format("is \"{}\"; the trunk of tabular data is \"mlp\"", name_of(run_.model.trunk)));
    require(data_.normalize == Normalize::none, "data.normalize",
            "is for pictures; a table's columns are standardised by the training rows");
    require(data_.test_index.empty() || (data_.split.empty() && data_.ratio[1] == 0),
            "data.test_index",
            "is where the test rows are; leave out data.split and data.ratio's share of test");
    for (const TaskSpec& t : run_.tasks)
      require(t.image_label(), "task." + t.name + ".kind",
              fmt::format("is {}; a table's tasks are classification, binary or regression",
                          name_of(t.kind)));
  }

  void columns() const {
    std::set<std::string> names;
    for (const ColumnSpec& c : data_.column_specs) {
      const std::string key = "column." + c.name;
      require(names.insert(c.name).second, key, "is there twice; a column is seen in one way");
      require(c.scale > 0, key + ".scale", fmt::format("is {}; it is more than 0", c.scale));
    }
    const auto by_task = std::find_if(data_.column_specs.begin(), data_.column_specs.end(),
                                      [](const ColumnSpec& c) { return c.by_task; });
    const auto scaled = std::find_if(run_.tasks.begin(), run_.tasks.end(),
                                     [](const TaskSpec& t) { return t.input_scale != 1; });
    if (by_task != data_.column_specs.end())
      require(scaled != run_.tasks.end(), "column." + by_task->name + ".by_task",
              "divides by the row's task.NAME.input_scale, and no task has one");
    if (scaled != run_.tasks.end())
      require(by_task != data_.column_specs.end(), "task." + scaled->name + ".input_scale",
              "divides columns with by_task = true, and there is none");
  }

  void task(const TaskSpec& t) const {
    const std::string key = "task." + t.name + ".";
    require(t.input_scale > 0, key + "input_scale",
            fmt::format("is {}; it is more than 0", t.input_scale));
    require(t.train_groups.empty() || !data_.group.empty(), key + "train_groups",
            "is of groups by the columns of data.group, which is not given");
    const std::pair<const char*, bool> need_target[] = {{"floor", t.floor.has_value()},
                                                        {"strong", !t.strong.empty()},
                                                        {"slopes", !t.slopes.empty()},
                                                        {"relative", t.relative != 0},
                                                        {"relative_to", t.relative_to != 0}};
    for (const auto& [word, given] : need_target)
      require(!given || !t.target.empty(), key + word,
              "is about a target that is computed from columns, and there is none: target = "
              "\"log10(COLUMN)\"");
    if (t.target.empty()) return;
    require(t.kind == TaskKind::regression, key + "target",
            fmt::format("means nothing for {}", name_of(t.kind)));
    const auto place = [&](const char* word) {
      return fmt::format("{}: '{}{}'", run_.place(key + word), key, word);
    };
    const Target target = parse_target(t.target, t.column, place("target"));
    for (const auto& [word, given] : need_target)
      require(!given || target.log10 || std::string(word) == "floor", key + word,
              "is about values as shares of each other, and wants a target log10(..)");
    if (!t.strong.empty()) parse_condition(t.strong, place("strong"));
    for (const std::string& slope : t.slopes) parse_slope(slope, place("slopes"));
    require(!learns_slopes(t.slopes, key + "slopes") ||
                (run_.semantics == Semantics::sound && run_.retrain.gates != RetrainGates::soft &&
                 !way_of(run_.sharing).per_input),
            key + "slopes",
            fmt::format(
                "has a weight; gates that weigh blocks and rows that are gathered have no "
                "tangent, so that semantics = \"compat\", retrain.gates = \"soft\" and the ways "
                "of sharing {} only report slopes",
                listed(ways_where([](const WayOfSharing& way) { return way.per_input; }))));
    require(t.slopes.size() <= 4, key + "slopes",
            fmt::format("names {}; there are metrics of up to 4", t.slopes.size()));
    require(t.slopes.empty() || run_.precision != Precision::bf16, key + "slopes",
            "wants precision = \"f32\", \"f32_fma\", \"tf32\" or \"f64\"; in bf16, with 8 bits, an "
            "input is rounded by up to 0.4 %, and a slope is taken from what is left");
    require(!t.floor || *t.floor > 0, key + "floor", "is not more than 0");
    require(t.relative >= 0, key + "relative", fmt::format("is {}; it is at least 0", t.relative));
    require(t.relative_to >= 0, key + "relative_to",
            fmt::format("is {}; it is at least 0", t.relative_to));
  }

 private:
  const RunFile& run_;
  const DataSpec& data_;
};

}  // namespace

void check_tables(const RunFile& run) {
  const Checker check(run);
  const bool table = run.data.kind == DataKind::tabular;
  if (table) check.table();
  check.columns();
  const DataSpec& data = run.data;
  const auto means_nothing = [&](bool given, const char* key) {
    check.require(!given, key, fmt::format("means nothing for {} data", name_of(data.kind)));
  };
  if (!table) {
    means_nothing(!data.column_specs.empty(), "column");
    means_nothing(!data.group.empty(), "data.group");
    means_nothing(data.label_power != 0, "data.label_power");
    means_nothing(!data.leave_out.empty(), "data.leave_out");
    means_nothing(!data.categorical.empty(), "data.categorical");
  }
  if (!table && data.kind != DataKind::text) {
    means_nothing(!data.columns.empty(), "data.columns");
    means_nothing(!data.header.empty(), "data.header");
    means_nothing(!data.comment.empty(), "data.comment");
    means_nothing(!data.missing.empty(), "data.missing");
    means_nothing(!data.test_index.empty(), "data.test_index");
  }
  for (const TaskSpec& task : run.tasks) {
    check.task(task);
    check.require(table || (task.target.empty() && task.input_scale == 1),
                  "task." + task.name + (task.target.empty() ? ".input_scale" : ".target"),
                  fmt::format("means nothing for {} data", name_of(run.data.kind)));
  }
}

}  // namespace weft
