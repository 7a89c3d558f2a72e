// test.json and data.json, written and read, field by field under its own name.
#include "train/run_folder/test_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "io/files.h"
#include "io/json_text.h"
#include "train/run_folder/run_record.h"

namespace weft {

using nlohmann::json;

void to_json(json& value, const CalibrationBin& bin) {
  value = {bin.count, bin.right, bin.confidence};
}
void from_json(const json& value, CalibrationBin& bin) {
  value.at(0).get_to(bin.count);
  value.at(1).get_to(bin.right);
  value.at(2).get_to(bin.confidence);
}

void to_json(json& value, const ScoredSample& sample) {
  value = {sample.key, to_json_value(sample.error)};
}
void from_json(const json& value, ScoredSample& sample) {
  value.at(0).get_to(sample.key);
  sample.error = measure_from(value.at(1)).value_or(0);
}

void to_json(json& value, const ClassCount& count) {
  value = {count.labelled, count.predicted, count.right};
}
void from_json(const json& value, ClassCount& count) {
  value.at(0).get_to(count.labelled);
  value.at(1).get_to(count.predicted);
  value.at(2).get_to(count.right);
}

// With defaults: an older weft wrote no `each`, and whether anything is missing the seal says.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TaskDetail, task, classes, error, value, samples,
                                                unlabelled, labels, confusion, each, calibration,
                                                scatter, best, worst)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LabelSummary, task, kind, classes, labelled, missing, labels,
                                   invalid, balance, least, mean, most, histogram, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DataSummary, kind, samples, read, height, width, channels, notes,
                                   tasks)

namespace {

void write_sealed(const std::string& path, json file) {
  file["version"] = 1;
  seal(file);
  write_file(path, file.dump() + "\n");
}

/// read(file) of what lies at `path`.
template <class T, class Read>
std::optional<T> read_sealed(const std::string& path, Read&& read) {
  if (!is_there(path)) return std::nullopt;
  json file = read_json(path);
  JsonValue(file, path)["version"].integer(1, 1);
  if (!file.contains("checksum")) throw DataError(path + ": is damaged: it has lost its checksum");
  check_seal(file, path);
  try {
    return read(file);
  } catch (const json::exception& e) {
    throw DataError(fmt::format("{}: {}", path, e.what()));
  }
}

void require(bool fits, const std::string& path, const std::string& task) {
  if (!fits)
    throw DataError(fmt::format("{}: what it says of task '{}' does not fit together", path, task));
}

}  // namespace

void write_test_record(const std::string& folder, const std::vector<TaskDetail>& tasks) {
  write_sealed(folder + "/test.json", {{"tasks", tasks}});
}

std::optional<std::vector<TaskDetail>> read_test_record(const std::string& folder) {
  const std::string path = folder + "/test.json";
  return read_sealed<std::vector<TaskDetail>>(path, [&](const json& file) {
    auto tasks = file.at("tasks").get<std::vector<TaskDetail>>();
    for (const TaskDetail& t : tasks) {
      const size_t classes = t.classes.size();
      require(t.confusion.empty() || t.confusion.size() == classes * (classes + 1), path, t.task);
      require(t.each.empty() || t.each.size() == classes, path, t.task);
      require(t.calibration.empty() || t.calibration.size() == calibration_bins, path, t.task);
    }
    return tasks;
  });
}

void write_data_summary(const std::string& folder, const DataSummary& summary) {
  write_sealed(folder + "/data.json", summary);
}

std::optional<DataSummary> read_data_summary(const std::string& folder) {
  const std::string path = folder + "/data.json";
  return read_sealed<DataSummary>(path, [&](const json& file) {
    auto summary = file.get<DataSummary>();
    for (const LabelSummary& t : summary.tasks)
      require(t.balance.size() == t.classes.size(), path, t.task);
    return summary;
  });
}

}  // namespace weft
