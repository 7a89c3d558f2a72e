// summary.json, written and read.
#include "train/run_folder/summary.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "io/files.h"
#include "io/json_text.h"
#include "train/run_folder/run_record.h"

namespace weft {

using nlohmann::json;

double RunSummary::tested_step() const {
  if (best_steps.empty()) return static_cast<double>(best_step < 0 ? steps : best_step);
  const double sum = std::accumulate(best_steps.begin(), best_steps.end(), 0.0);
  return sum / static_cast<double>(best_steps.size());
}

void write_summary(const std::string& folder, const RunSummary& s) {
  json results = json::array();
  for (const TaskResult& r : s.results) {
    json metrics = json::array();
    for (const Metric& m : r.metrics) metrics.push_back({m.name, to_json_value(m.value)});
    results.push_back({{"task", r.task},
                       {"loss", to_json_value(r.loss)},
                       {"constant", to_json_value(r.constant)},
                       {"metrics", metrics},
                       {"unit", r.unit}});
  }
  json file = {{"version", 2},
               {"name", s.name},
               {"sharing", s.sharing},
               {"device", s.device},
               {"seed", s.seed},
               {"trunk_parameters", s.trunk_parameters},
               {"head_parameters", s.head_parameters},
               {"trunk_parameters_of_one", s.trunk_parameters_of_one},
               {"trunk_gflop", s.trunk_gflop},
               {"heads_gflop", s.heads_gflop},
               {"seconds", s.seconds},
               {"waited_share", s.waited_share},
               {"peak_bytes", s.peak_bytes},
               {"steps", s.steps},
               {"skipped", s.skipped},
               {"best_step", s.best_step},
               {"best_steps", s.best_steps},
               {"tasks", s.tasks},
               {"blocks", s.blocks},
               {"policy", s.policy},
               {"probability", s.probability},
               {"results", results}};
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
    RunSummary s;
    file.at("name").get_to(s.name);
    file.at("sharing").get_to(s.sharing);
    file.at("device").get_to(s.device);
    file.at("seed").get_to(s.seed);
    file.at("trunk_parameters").get_to(s.trunk_parameters);
    file.at("head_parameters").get_to(s.head_parameters);
    file.at("trunk_parameters_of_one").get_to(s.trunk_parameters_of_one);
    file.at("trunk_gflop").get_to(s.trunk_gflop);
    file.at("heads_gflop").get_to(s.heads_gflop);
    file.at("seconds").get_to(s.seconds);
    file.at("waited_share").get_to(s.waited_share);
    file.at("peak_bytes").get_to(s.peak_bytes);
    file.at("steps").get_to(s.steps);
    s.skipped = file.value("skipped", int64_t{0});
    file.at("best_step").get_to(s.best_step);
    if (file.contains("best_steps")) file.at("best_steps").get_to(s.best_steps);
    file.at("tasks").get_to(s.tasks);
    file.at("blocks").get_to(s.blocks);
    file.at("policy").get_to(s.policy);
    file.at("probability").get_to(s.probability);
    for (const json& r : file.at("results")) {
      TaskResult result;
      r.at("task").get_to(result.task);
      result.loss = measure_from(r.at("loss"));
      result.unit = r.value("unit", "");
      if (r.contains("constant")) result.constant = measure_from(r.at("constant"));
      for (const json& m : r.at("metrics")) {
        const auto name = m.at(0).get<std::string>();
        result.metrics.push_back({name, measure_from(m.at(1)), higher_is_better(name)});
      }
      s.results.push_back(std::move(result));
    }
    return s;
  } catch (const json::exception& e) {
    throw DataError(fmt::format("{}: {}", path, e.what()));
  }
}

}  // namespace weft
