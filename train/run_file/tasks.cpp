// Checks of tasks; see tasks.h.
#include "train/run_file/tasks.h"

#include <algorithm>
#include <limits>
#include <set>

#include "engine/error.h"

namespace weft {
namespace {

class Checker {
 public:
  explicit Checker(const RunFile& run) : run_(run) {}

  void require(bool ok, const std::string& key, const std::string& message) const {
    if (!ok) throw ConfigError(fmt::format("{}: '{}' {}", run_.place(key), key, message));
  }
  /// What a loss is multiplied with: not negative, and finite in f32 too.
  void factor(double value, const std::string& key) const {
    require(value >= 0 && value <= std::numeric_limits<float>::max(), key,
            fmt::format("is {}; it is at least 0 and finite (in f32)", value));
  }

  void task(const TaskSpec& t) const {
    const std::string key = "task." + t.name + ".";
    require(plain_name(t.name) && t.name.find('.') == std::string::npos, key + "name",
            fmt::format("is \"{}\"; it is made of letters, digits, '-' and '_'", t.name));
    require(!names_a_loss(t.name), key + "name",
            fmt::format("is \"{}\", which names a part of the loss; choose another, such as "
                        "\"{}_\" (column = \"{}\" names the label's column)",
                        t.name, t.name, t.name));
    const bool sets = t.kind == TaskKind::multilabel;
    const bool labels =
        t.kind == TaskKind::segmentation || t.kind == TaskKind::classification || sets;
    if (labels) {
      require(t.classes >= 2, key + "classes",
              fmt::format("is {}; {} needs the number of classes, 2 or more",
                          t.classes ? fmt::to_string(t.classes) : "missing", name_of(t.kind)));
    } else {
      require(t.classes == 0, key + "classes",
              fmt::format("means nothing for {}", name_of(t.kind)));
    }
    require(t.class_weights.empty() || (labels && !sets), key + "class_weights",
            fmt::format("means nothing for {}", name_of(t.kind)));
    check_separator(t, key);
    require(labels || t.kind == TaskKind::binary || (t.map.empty() && t.words.empty()), key + "map",
            fmt::format("means nothing for {}", name_of(t.kind)));
    const int ids = labels ? t.classes : 2;
    for (auto [from, to] : t.map) {
      require((to >= 0 && to < ids) || to == t.ignore, key + "map",
              fmt::format("maps {} to {}; classes are 0 to {}", from, to, ids - 1));
    }
    factor(t.weight, key + "weight");
    require(t.scale != 0, key + "scale", "is 0");
    require(t.pos_weight > 0, key + "pos_weight",
            fmt::format("is {}; it is more than 0", t.pos_weight));
    factor(t.pos_weight, key + "pos_weight");
    const bool cells = has_cells(run_.data.kind);
    require(
        t.words.empty() || (cells && t.image_label()), key + "map",
        fmt::format("maps label ids, '{}' is none", t.words.empty() ? "" : t.words.begin()->first));
    for (const auto& [from, to] : t.words)
      require((to >= 0 && to < ids) || to == t.ignore, key + "map",
              fmt::format("maps '{}' to {}; classes are 0 to {}", from, to, ids - 1));
    const int named = labels || t.kind == TaskKind::binary ? ids : 0;
    require(t.names.empty() || static_cast<int>(t.names.size()) == named, key + "names",
            fmt::format("has {} names for {} classes", t.names.size(), named));
    require(std::set<std::string>(t.names.begin(), t.names.end()).size() == t.names.size(),
            key + "names", "gives two classes one name");
    require(t.names.empty() || t.words.empty(), key + "names",
            "is said by map, which names the classes by words");
    require(t.unit.empty() || t.kind == TaskKind::regression || t.kind == TaskKind::depth,
            key + "unit", fmt::format("means nothing for {}", name_of(t.kind)));
    require(
        !t.standardize || (t.kind == TaskKind::regression && run_.data.kind == DataKind::tabular),
        key + "standardize", "is for regression on tabular data");
    require(t.rows.empty() || !run_.data.task_column.empty(), key + "rows",
            "is a value of the column data.task_column, which is not given");
    require(t.kind == TaskKind::binary || sets || t.pos_weight == 1, key + "pos_weight",
            fmt::format("means nothing for {}", name_of(t.kind)));
    require(t.class_weights.empty() || static_cast<int>(t.class_weights.size()) == t.classes,
            key + "class_weights",
            fmt::format("has {} values for {} classes", t.class_weights.size(), t.classes));
    for (double weight : t.class_weights) factor(weight, key + "class_weights");
  }

  /// Of a set of classes.
  void check_separator(const TaskSpec& t, const std::string& key) const {
    const std::string& between = t.separator;
    const bool sets = t.kind == TaskKind::multilabel;
    require(sets || between == ";", key + "separator",
            fmt::format("means nothing for {}", name_of(t.kind)));
    if (!sets) return;
    require(has_cells(run_.data.kind), key + "kind",
            fmt::format("is \"multilabel\", whose labels are cells of a CSV; {} data have none",
                        name_of(run_.data.kind)));
    require(!between.empty() && between.find_first_of(" \t\r\n\"") == std::string::npos,
            key + "separator",
            fmt::format("is \"{}\"; classes are separated by \";\", \"|\" or the like", between));
    std::vector<std::string> names = t.names;
    for (const auto& [word, id] : t.words) names.push_back(word);
    for (const std::string& name : names)
      require(name.find(between) == std::string::npos, key + "separator",
              fmt::format("is \"{}\", which the class '{}' has in its name", between, name));
  }

  void tasks() const {
    if (run_.tasks.empty()) {
      throw ConfigError(
          fmt::format("{}: there is no [[task]]; a run learns at least one", run_.place("")));
    }
    std::set<std::string> names;
    for (const TaskSpec& t : run_.tasks) {
      task(t);
      require(names.insert(t.name).second, "task." + t.name, "is there twice; give each its name");
    }
    require(std::any_of(run_.tasks.begin(), run_.tasks.end(),
                        [](const TaskSpec& t) { return t.chooses; }),
            "task." + run_.tasks[0].name + ".chooses",
            "is false, as every task's is; one at least chooses the step that is tested");
  }

 private:
  const RunFile& run_;
};

}  // namespace

bool plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

bool names_a_loss(const std::string& word) {
  return word == "total" || word == "sparsity" || word == "sharing" || word == "regulariser";
}

void check_tasks(const RunFile& run) { Checker(run).tasks(); }

}  // namespace weft
