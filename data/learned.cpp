// LearnedFromData to JSON and back; see learned.h.
#include "data/learned.h"

#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"

namespace weft {
namespace {

using nlohmann::json;

constexpr int version = 1;

/// Cells may hold any bytes and JSON strings may not: what is no UTF-8 becomes a list of bytes.
json words_json(const std::vector<std::string>& words) {
  json out = json::array();
  for (const std::string& word : words) {
    try {
      static_cast<void>(json(word).dump());
      out.push_back(word);
    } catch (const json::exception&) {
      out.push_back(std::vector<uint8_t>(word.begin(), word.end()));
    }
  }
  return out;
}

std::vector<std::string> words_from(const json& list) {
  std::vector<std::string> words;
  for (const json& word : list) {
    if (word.is_array()) {
      const auto bytes = word.get<std::vector<uint8_t>>();
      words.emplace_back(bytes.begin(), bytes.end());
    } else {
      words.push_back(word.get<std::string>());
    }
  }
  if (std::set<std::string>(words.begin(), words.end()).size() != words.size())
    throw DataError("a word is there twice");
  return words;
}

/// As text: JSON numbers end at 2^53 in many readers.
json hashes_json(const std::vector<uint64_t>& hashes) {
  json out = json::array();
  for (uint64_t hash : hashes) out.push_back(fmt::format("{:016x}", hash));
  return out;
}

uint64_t hash_from(const json& value) {
  const auto text = value.get<std::string>();
  if (text.size() != 16 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw DataError(fmt::format("'{}' is no hash", text));
  return std::stoull(text, nullptr, 16);
}

std::vector<uint64_t> hashes_from(const json& list, const Fingerprint& print) {
  std::vector<uint64_t> hashes;
  for (const json& value : list) hashes.push_back(hash_from(value));
  if (static_cast<int64_t>(hashes.size()) != (print.count + print.each - 1) / print.each)
    throw DataError(fmt::format("{} hashes of {} samples", hashes.size(), print.count));
  return hashes;
}

double deviation_from(const json& value) {
  const double deviation = value.get<double>();
  if (!(deviation >= 0) || !std::isfinite(deviation))
    throw DataError(fmt::format("{} is no deviation", deviation));
  return deviation;
}

json fingerprint_json(const Fingerprint& print) {
  return {{"count", print.count},
          {"each", print.each},
          {"any_order", hashes_json({print.any_order})[0]},
          {"samples", hashes_json(print.samples)},
          {"inputs", hashes_json(print.inputs)},
          {"labels", hashes_json(print.labels)}};
}

Fingerprint fingerprint_from(const json& value) {
  Fingerprint print;
  print.count = value.at("count").get<int64_t>();
  print.each = value.at("each").get<int64_t>();
  if (print.count < 0 || print.each < 1)
    throw DataError(fmt::format("a fingerprint of {} samples, {} each", print.count, print.each));
  print.any_order = hash_from(value.at("any_order"));
  print.samples = hashes_from(value.at("samples"), print);
  print.inputs = hashes_from(value.at("inputs"), print);
  print.labels = hashes_from(value.at("labels"), print);
  return print;
}

}  // namespace

std::string to_json(const LearnedFromData& learned) {
  json tasks = json::array(), columns = json::array();
  for (const LearnedTask& t : learned.tasks)
    tasks.push_back({{"name", t.name},
                     {"words", words_json(t.words)},
                     {"mean", t.mean},
                     {"deviation", t.deviation}});
  for (const LearnedColumn& c : learned.columns) {
    json column = {{"name", words_json({c.name})[0]}};
    if (c.categorical) {
      column["categories"] = words_json(c.categories);
      column["others"] = words_json(c.others);
    } else {
      column["mean"] = c.mean;
      column["deviation"] = c.deviation;
      column["transform"] = name_of(c.transform);
      column["scale"] = c.scale;
      column["by_task"] = c.by_task;
    }
    columns.push_back(std::move(column));
  }
  return json{{"version", version},
              {"normalize", name_of(learned.normalize)},
              {"size", {learned.height, learned.width}},
              {"tasks", tasks},
              {"columns", columns},
              {"task_values", words_json(learned.task_values)},
              {"fingerprint", fingerprint_json(learned.fingerprint)}}
      .dump();
}

LearnedFromData learned_from_json(const std::string& text, const std::string& source) {
  LearnedFromData learned;
  try {
    const json file = json::parse(text);
    if (const auto found = file.at("version").get<int>(); found != version)
      throw DataError(fmt::format("version {}, this build reads {}", found, version));
    learned.normalize = from_word<Normalize>("normalize", file.at("normalize").get<std::string>());
    learned.height = file.at("size").at(0).get<int>();
    learned.width = file.at("size").at(1).get<int>();
    for (const json& t : file.at("tasks")) {
      LearnedTask task{t.at("name").get<std::string>(), words_from(t.at("words")),
                       t.at("mean").get<double>(), deviation_from(t.at("deviation"))};
      if (!std::isfinite(task.mean)) throw DataError(fmt::format("{} is no mean", task.mean));
      learned.tasks.push_back(std::move(task));
    }
    for (const json& c : file.at("columns")) {
      LearnedColumn column;
      column.name = words_from(json::array({c.at("name")}))[0];
      column.categorical = c.contains("categories");
      if (column.categorical) {
        column.categories = words_from(c.at("categories"));
        column.others = words_from(c.at("others"));
      } else {
        column.mean = c.at("mean").get<double>();
        column.deviation = deviation_from(c.at("deviation"));
        if (!std::isfinite(column.mean)) throw DataError(fmt::format("{} is no mean", column.mean));
        if (!c.contains("transform")) {  // a checkpoint from before there were any
          learned.columns.push_back(std::move(column));
          continue;
        }
        column.transform = from_word<Transform>("transform", c.at("transform").get<std::string>());
        column.scale = c.at("scale").get<double>();
        column.by_task = c.at("by_task").get<bool>();
        if (!(column.scale > 0)) throw DataError(fmt::format("{} is no scale", column.scale));
      }
      learned.columns.push_back(std::move(column));
    }
    learned.task_values = words_from(file.at("task_values"));
    learned.fingerprint = fingerprint_from(file.at("fingerprint"));
  } catch (const json::exception& e) {
    throw DataError(
        fmt::format("{}: what was learned from the data cannot be read: {}", source, e.what()));
  } catch (const UserError& e) {
    throw DataError(
        fmt::format("{}: what was learned from the data cannot be right: {}", source, e.what()));
  }
  return learned;
}

void check_learned(const LearnedFromData& learned, Normalize normalize,
                   const std::vector<TaskSpec>& tasks, const std::string& source) {
  const auto refuse = [&](const std::string& what) {
    throw DataError(
        fmt::format("{}: the run file and what was learned from the data are not of one run: {}",
                    source, what));
  };
  if (learned.normalize != normalize)
    refuse(fmt::format("data.normalize is {} and was {}", name_of(normalize),
                       name_of(learned.normalize)));
  if (!learned.tasks.empty() && learned.tasks.size() != tasks.size())
    refuse(fmt::format("{} tasks and {}", tasks.size(), learned.tasks.size()));
  for (size_t k = 0; k < learned.tasks.size(); ++k) {
    const LearnedTask& task = learned.tasks[k];
    if (task.name != tasks[k].name)
      refuse(fmt::format("task '{}' and task '{}'", tasks[k].name, task.name));
    const size_t classes =
        tasks[k].kind == TaskKind::binary ? 2 : static_cast<size_t>(tasks[k].classes);
    if (task.words.size() > classes)
      refuse(fmt::format("task '{}' has {} classes and {} words", task.name, classes,
                         task.words.size()));
  }
}

std::string label_text(const LearnedFromData& learned, const TaskSpec& spec, size_t task,
                       double value) {
  if (spec.kind == TaskKind::regression) {
    const double mean = learned.tasks.empty() ? 0 : learned.tasks[task].mean;
    const double deviation = learned.tasks.empty() ? 1 : learned.tasks[task].deviation;
    return fmt::format("{:g}{}{}", mean + deviation * value, spec.unit.empty() ? "" : " ",
                       spec.unit);
  }
  for (const auto& [word, id] : spec.words)
    if (id == value) return word;
  const auto& words = !learned.tasks.empty() && !learned.tasks[task].words.empty()
                          ? learned.tasks[task].words
                          : spec.names;
  const bool named = value >= 0 && value < static_cast<double>(words.size());
  return named ? words[static_cast<size_t>(value)] : fmt::format("{:g}", value);
}

std::string label_text(const LearnedFromData& learned, const TaskSpec& spec, size_t task,
                       const std::vector<float>& label) {
  if (spec.kind != TaskKind::multilabel) return label_text(learned, spec, task, label.at(0));
  std::vector<std::string> there;
  for (size_t c = 0; c < label.size(); ++c) {
    if (std::isnan(label[c])) return "nan";
    if (label[c] > 0) there.push_back(label_text(learned, spec, task, static_cast<double>(c)));
  }
  return there.empty() ? spec.separator : fmt::format("{}", fmt::join(there, spec.separator));
}

std::vector<std::string> class_names_of(const LearnedFromData& learned, const TaskSpec& spec,
                                        size_t task) {
  int classes = 0;
  switch (spec.kind) {
    case TaskKind::segmentation:
    case TaskKind::classification:
    case TaskKind::multilabel:
      classes = spec.classes;
      break;
    case TaskKind::binary:
      classes = 2;
      break;
    default:
      break;
  }
  std::vector<std::string> names;
  for (int c = 0; c < classes; ++c) names.push_back(label_text(learned, spec, task, c));
  return names;
}

}  // namespace weft
