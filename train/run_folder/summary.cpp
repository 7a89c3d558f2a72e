// summary.json, written and read.
#include "train/run_folder/summary.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "io/files.h"
#include "io/json_text.h"
#include "models/sharing/way.h"
#include "train/run_folder/conflict.h"
#include "train/run_folder/run_record.h"

namespace weft {

using nlohmann::json;

double RunSummary::tested_step() const {
  if (best_steps.empty()) return static_cast<double>(best_step < 0 ? steps : best_step);
  const double sum = std::accumulate(best_steps.begin(), best_steps.end(), 0.0);
  return sum / static_cast<double>(best_steps.size());
}

Measure RunSummary::image_routes() const {
  const WayOfSharing& way = way_of(sharing);
  return way.functions && way.per_input && !results.empty() ? together : std::nullopt;
}

Measure RunSummary::task_routes() const {
  const WayOfSharing& way = way_of(sharing);
  // Older wefts wrote 1 of a task by itself.
  return way.functions && !way.per_input && tasks.size() > 1 ? together : std::nullopt;
}

// As JSON, field by field under its own name; nlohmann's macros look these functions up by the type.

void to_json(json& value, const Sharing& sharing) { value = name_of(sharing); }
void from_json(const json& value, Sharing& sharing) {
  sharing = from_word<Sharing>("sharing", value.get<std::string>());
}
void to_json(json& value, const DeviceKind& device) { value = name_of(device); }
void from_json(const json& value, DeviceKind& device) {
  device = from_word<DeviceKind>("device", value.get<std::string>());
}

void to_json(json& value, const Metric& m) { value = {m.name, to_json_value(m.value)}; }

void from_json(const json& value, Metric& m) {
  value.at(0).get_to(m.name);
  m = {m.name, measure_from(value.at(1)), higher_is_better(m.name)};
}

void to_json(json& value, const TaskResult& r) {
  value = {{"task", r.task},
           {"loss", to_json_value(r.loss)},
           {"constant", to_json_value(r.constant)},
           {"metrics", r.metrics},
           {"unit", r.unit}};
}

void from_json(const json& value, TaskResult& r) {
  value.at("task").get_to(r.task);
  r.loss = measure_from(value.at("loss"));
  r.unit = value.value("unit", "");
  if (value.contains("constant")) r.constant = measure_from(value.at("constant"));
  value.at("metrics").get_to(r.metrics);
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunSummary, name, sharing, device, seed, trunk_parameters,
                                   head_parameters, trunk_parameters_of_one, trunk_gflop,
                                   trunk_gflop_spread, heads_gflop, seconds, waited_share,
                                   peak_bytes, steps, skipped, best_step, best_steps, kept_best,
                                   stopped, tasks, blocks, policy, probability, results)

void write_summary(const std::string& folder, const RunSummary& summary) {
  json file = summary;
  file["together"] = to_json_value(summary.together);
  file["version"] = 2;
  seal(file);
  write_file(folder + "/summary.json", file.dump(1) + "\n");
}

RunSummary read_summary(const std::string& folder) {
  const std::string path = folder + "/summary.json";
  if (!is_there(path))
    throw DataError(
        fmt::format("{}: no finished run here; train it, or go on with: weft train --resume {}",
                    folder, folder));
  json file = read_json(path);
  const int64_t version = JsonValue(file, path)["version"].integer(1, 2);
  if (version == 2 && !file.contains("checksum"))  // what version 1 was written without
    throw DataError(path + ": is damaged: it has lost its checksum");
  check_seal(file, path);
  try {
    // Older files know none of these.
    if (!file.contains("trunk_gflop_spread")) file["trunk_gflop_spread"] = 0.0;
    if (!file.contains("skipped")) file["skipped"] = 0;
    if (!file.contains("best_steps")) file["best_steps"] = json::array();
    if (!file.contains("kept_best")) file["kept_best"] = json::array();
    if (!file.contains("stopped")) file["stopped"] = json::object();
    auto summary = file.get<RunSummary>();
    if (file.contains("together")) summary.together = measure_from(file["together"]);
    const size_t tasks = summary.tasks.size(), blocks = summary.blocks.size();
    const auto fits = [&](const auto& table) {
      return table.size() == tasks && std::all_of(table.begin(), table.end(), [&](const auto& row) {
               return row.size() == blocks;
             });
    };
    const bool learned = fits(summary.probability);
    if (!(summary.policy.empty() || (fits(summary.policy) && learned)) ||
        !(summary.probability.empty() || learned) ||
        !(summary.best_steps.empty() || summary.best_steps.size() == tasks))
      throw DataError(path + ": what it says of tasks and blocks is not of its tasks and blocks");
    summary.cosine = mean_cosine(folder, summary.tasks);
    return summary;
  } catch (const json::exception& e) {
    throw DataError(fmt::format("{}: {}", path, e.what()));
  } catch (const ConfigError& e) {  // a word that this weft does not know
    throw DataError(fmt::format("{}: {}", path, e.what()));
  }
}

}  // namespace weft
