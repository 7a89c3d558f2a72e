// ExportedUsage as JSON, there and back.
#include "train/export/usage.h"

#include <nlohmann/json.hpp>

#include "data/sets/text.h"
#include "engine/error.h"
#include "io/json_text.h"

namespace weft {
namespace {

constexpr int version = 1;
constexpr int most = 1 << 20;  ///< of a size, and of classes

template <class Enum>
Enum word(const JsonValue& j, const char* what) {
  try {
    return from_word<Enum>(what, j.text());
  } catch (const ConfigError& e) {
    j.fail(e.what());
  }
}

nlohmann::json json_of(const TaskSpec& task, const Grid& grid) {
  nlohmann::json j = {{"name", task.name},
                      {"kind", name_of(task.kind)},
                      {"classes", task.classes},
                      {"column", task.column},
                      {"scale", task.scale},
                      {"target", task.target},
                      {"floor", task.floor ? nlohmann::json(*task.floor) : nlohmann::json()},
                      {"invalid", task.invalid ? nlohmann::json(*task.invalid) : nlohmann::json()},
                      {"input_scale", task.input_scale},
                      {"rows", task.rows},
                      {"unit", task.unit},
                      {"names", task.names},
                      {"words", task.words},
                      {"first", grid.first},
                      {"stride", grid.stride}};
  if (task.kind == TaskKind::multilabel) j["separator"] = task.separator;
  return j;
}

std::optional<double> number_or_null(const JsonValue& j) {
  if (j.is_null()) return {};
  return j.number();
}

TaskSpec task_of(const JsonValue& j, Grid& grid) {
  j.only({"name", "kind", "classes", "column", "scale", "target", "floor", "invalid", "input_scale",
          "rows", "unit", "names", "words", "first", "stride", "separator"});
  TaskSpec task;
  task.name = j["name"].text();
  if (task.name.empty() || task.name.find('/') != std::string::npos)
    j["name"].fail("is no task's name");
  task.kind = word<TaskKind>(j["kind"], "kind");
  task.classes = static_cast<int>(j["classes"].integer(0, most));
  task.column = j["column"].text();
  task.scale = j["scale"].number();
  task.target = j["target"].text();
  task.floor = number_or_null(j["floor"]);
  task.invalid = number_or_null(j["invalid"]);
  task.input_scale = j["input_scale"].number();
  task.rows = j["rows"].text();
  task.unit = j["unit"].text();
  task.names = j["names"].texts();
  if (j.has("separator")) task.separator = j["separator"].text();
  if (task.separator.empty()) j["separator"].fail("is empty");
  for (const std::string& text : j["words"].keys())
    task.words[text] = static_cast<int>(j["words"][text].integer(0, most));
  grid = {j["first"].number(), j["stride"].number(1e-3, most)};
  return task;
}

nlohmann::json json_of(const DataSpec& data) {
  nlohmann::json columns = nlohmann::json::array();
  for (const ColumnSpec& column : data.column_specs)
    columns.push_back({{"name", column.name}, {"standardize", column.standardize}});
  nlohmann::json j = {{"kind", name_of(data.kind)},
                      {"size", data.size},
                      {"layout", name_of(data.layout)},
                      {"float_max", data.float_max},
                      {"normalize", name_of(data.normalize)},
                      {"separator", data.separator},
                      {"comment", data.comment},
                      {"header", data.header},
                      {"missing", data.missing},
                      {"task_column", data.task_column},
                      {"columns", columns}};
  if (data.kind == DataKind::text) {
    j["text"] = {{"columns", data.columns}, {"alphabet", data.alphabet}, {"length", data.length}};
    if (data.escapes) j["text"]["escapes"] = true;  // an older weft-run refuses what it cannot read
  }
  return j;
}

DataSpec data_of(const JsonValue& j) {
  j.only({"kind", "size", "layout", "float_max", "normalize", "separator", "comment", "header",
          "missing", "task_column", "columns", "text"});
  DataSpec data;
  data.kind = word<DataKind>(j["kind"], "kind");
  const std::vector<int> size = j["size"].integers(0, most);
  if (size.size() != 2) j["size"].fail("must be height and width");
  data.size = {size[0], size[1]};
  data.layout = word<NpyLayout>(j["layout"], "layout");
  data.float_max = j["float_max"].number();
  data.normalize = word<Normalize>(j["normalize"], "normalize");
  data.separator = j["separator"].text();
  data.comment = j["comment"].text();
  data.header = j["header"].texts();
  data.missing = j["missing"].texts();
  data.task_column = j["task_column"].text();
  for (const JsonValue& column : j["columns"].items()) {
    ColumnSpec spec;
    spec.name = column["name"].text();
    spec.standardize = column["standardize"].raw() == true;
    data.column_specs.push_back(spec);
  }
  if (data.kind != DataKind::text) return data;
  const JsonValue text = j["text"].only({"columns", "alphabet", "length", "escapes"});
  data.columns = text["columns"].texts();
  data.alphabet = text["alphabet"].text();
  data.length = static_cast<int>(text["length"].integer(1, most));
  if (text.has("escapes")) {
    if (!text["escapes"].raw().is_boolean()) text["escapes"].fail("is neither true nor false");
    data.escapes = text["escapes"].raw() == true;
  }
  return data;
}

}  // namespace

std::string to_json(const ExportedUsage& usage) {
  nlohmann::json tasks = nlohmann::json::array();
  for (size_t k = 0; k < usage.tasks.size(); ++k)
    tasks.push_back(json_of(usage.tasks[k], usage.grids.at(k)));
  return nlohmann::json{{"version", version},
                        {"semantics", name_of(usage.semantics)},
                        {"inside", usage.inside ? 1 : 0},
                        {"channels", usage.channels},
                        {"data", json_of(one_reading(usage.data, usage.tasks))},
                        {"tasks", tasks},
                        {"learned", to_json(usage.learned)}}
      .dump();
}

ExportedUsage usage_from_json(const std::string& text, const std::string& source) {
  const nlohmann::json json = parse_json(text, source);
  const JsonValue j(json, source);
  j.only({"version", "semantics", "inside", "channels", "data", "tasks", "learned"});
  if (j["version"].integer() != version)
    j["version"].fail(fmt::format("this weft reads version {}", version));
  ExportedUsage usage;
  usage.semantics = word<Semantics>(j["semantics"], "semantics");
  usage.inside = j["inside"].integer(0, 1) == 1;
  usage.channels = static_cast<int>(j["channels"].integer(1, most));
  usage.data = data_of(j["data"]);
  for (const JsonValue& task : j["tasks"].items()) {
    usage.grids.emplace_back();
    usage.tasks.push_back(task_of(task, usage.grids.back()));
  }
  usage.learned = learned_from_json(j["learned"].text(), source + ": learned");
  if (usage.data.kind == DataKind::text && !usage.learned.columns.empty())
    j["learned"].fail("it has columns of numbers, and a text has none");
  const size_t learned = usage.learned.tasks.size();
  if (learned != usage.tasks.size() && (learned > 0 || usage.table()))
    j["learned"].fail(fmt::format("it is of {} tasks, not {}", learned, usage.tasks.size()));
  return usage;
}

}  // namespace weft
