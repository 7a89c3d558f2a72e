// Lines out and in; read_metrics, read_balance, read_search and read_measured are declared in run_folder.h.
#include "train/run_folder/run_record.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "io/files.h"
#include "io/json_text.h"

namespace weft {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

/// Differs from run to run, and so lies beside the seal.
constexpr const char* seconds_key = "seconds";

struct Line {
  json value;
  std::string place;
};

Line parse_line(const std::string& line, const std::string& path, size_t number) {
  const std::string place = fmt::format("{}:{}", path, number);
  json value = parse_json(line, place);
  if (!value.is_object()) throw DataError(place + ": no JSON object");
  check_seal(value, place, seconds_key);
  return {std::move(value), place};
}

template <class F>
void for_each_line(const std::string& path, F&& f) {
  const std::vector<std::string> lines = read_whole_lines(path);
  for (size_t i = 0; i < lines.size(); ++i) {
    const Line line = parse_line(lines[i], path, i + 1);
    f(JsonValue(line.value, line.place));
  }
}

Phase phase_from(const JsonValue& value) {
  const std::string name = value.text();
  for (Phase p : {Phase::warmup, Phase::weights, Phase::policy, Phase::retrain, Phase::infer})
    if (name == name_of(p)) return p;
  value.fail(fmt::format("unknown phase '{}'", name));
}

/// null is absent, "nan" and "inf" are faults (metrics/measure.h).
Measure measure_at(const JsonValue& value) {
  const bool may_be = value.is_null() || value.raw().is_string() || value.raw().is_number();
  try {
    if (may_be) return measure_from(value.raw());
  } catch (const nlohmann::json::exception&) {
  }
  value.fail(fmt::format("is {}; it is a number or null", value.raw().dump()));
}

}  // namespace

bool is_there(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return false;
  if (error) throw DataError(fmt::format("{}: cannot be read: {}", path, error.message()));
  return true;
}

std::string to_line(const MetricsLine& line) {
  json metrics = json::object();
  for (const Metric& m : line.metrics) metrics[m.name] = to_json_value(m.value);
  json value = {{"phase", name_of(line.phase)},
                {"step", line.step},
                {"epoch", line.epoch},
                {"split", line.split},
                {"task", line.task},
                {"loss", to_json_value(line.loss)},
                {"metrics", metrics},
                {seconds_key, line.seconds}};
  if (line.faults > 0) value["faults"] = line.faults;
  if (line.stopped) value["stopped"] = 1;
  seal(value, seconds_key);
  return value.dump();
}

std::string to_line(const SearchLine& line, const std::vector<std::string>& tasks) {
  json probability = json::object();
  for (size_t k = 0; k < tasks.size(); ++k) probability[tasks[k]] = line.probability[k];
  json value = {{"epoch", line.epoch},
                {"step", line.step},
                {"temperature", line.temperature},
                {"active", line.active},
                {"probability", probability}};
  if (line.together) value["together"] = *line.together;
  seal(value, seconds_key);
  return value.dump();
}

std::string to_line(const BalanceLine& line, const std::vector<std::string>& tasks) {
  json names = json::array(), stages = json::array();
  for (const size_t k : line.record.tasks) names.push_back(tasks[k]);
  const size_t m = line.record.tasks.size();
  for (const BalanceRecord::Stage& stage : line.record.stages) {
    json cosines = json::array();
    for (size_t i = 0; i < m; ++i) {
      const auto row = stage.cosines.begin() + static_cast<std::ptrdiff_t>(i * m);
      cosines.push_back(std::vector<double>(row, row + static_cast<std::ptrdiff_t>(m)));
    }
    stages.push_back({{"stage", stage.name}, {"norms", stage.norms}, {"cosines", cosines}});
  }
  json value = {{"phase", name_of(line.phase)},
                {"step", line.step},
                {"epoch", line.epoch},
                {"tasks", names},
                {"stages", stages},
                {"weights", line.record.weights}};
  seal(value, seconds_key);
  return value.dump();
}

std::string to_text(const Measured& m) {
  json value = {{"seconds", m.seconds}, {"waited", m.waited}, {"peak_bytes", m.peak_bytes}};
  seal(value);
  return value.dump() + "\n";
}

std::pair<int64_t, bool> place_of_line(const std::string& line, const std::string& path,
                                       size_t number) {
  const Line parsed = parse_line(line, path, number);
  const JsonValue value(parsed.value, parsed.place);
  return {value["step"].integer(0),
          value.has("phase") && phase_from(value["phase"]) == Phase::infer};
}

Measured read_measured(const std::string& folder) {
  const std::string path = folder + "/measured.json";
  if (!is_there(path)) return {};
  json file = read_json(path);
  if (!file.is_object()) throw DataError(path + ": no JSON object");
  check_seal(file, path);
  const JsonValue value(file, path);
  value.only({"seconds", "waited", "peak_bytes"});
  Measured m;
  const std::vector<double> seconds = value["seconds"].numbers(0);
  if (seconds.size() != m.seconds.size())
    value.fail(fmt::format("'seconds' of {} stages for {}", seconds.size(), m.seconds.size()));
  std::copy(seconds.begin(), seconds.end(), m.seconds.begin());
  m.waited = value["waited"].number(0);
  m.peak_bytes = value["peak_bytes"].integer(0);
  return m;
}

std::vector<MetricsLine> read_metrics(const std::string& path) {
  std::vector<MetricsLine> out;
  for_each_line(path, [&](const JsonValue& line) {
    line.only({"phase", "step", "epoch", "split", "task", "loss", "metrics", "seconds", "faults",
               "stopped"});
    MetricsLine m;
    m.phase = phase_from(line["phase"]);
    m.step = line["step"].integer(0);
    m.epoch = line["epoch"].integer(0);
    m.split = line["split"].text();
    m.task = line["task"].text();
    m.loss = measure_at(line["loss"]);
    const JsonValue metrics = line["metrics"];
    for (const std::string& name : metrics.keys())
      m.metrics.push_back({name, measure_at(metrics[name]), higher_is_better(name)});
    if (line.has("faults")) m.faults = line["faults"].integer(0);
    if (line.has("stopped")) m.stopped = line["stopped"].integer(1, 1) == 1;
    m.seconds = line["seconds"].number(0);
    out.push_back(std::move(m));
  });
  return out;
}

std::vector<BalanceLine> read_balance(const std::string& path,
                                      const std::vector<std::string>& tasks) {
  std::vector<BalanceLine> out;
  for_each_line(path, [&](const JsonValue& line) {
    line.only({"phase", "step", "epoch", "tasks", "weights", "stages"});
    BalanceLine b;
    b.phase = phase_from(line["phase"]);
    b.step = line["step"].integer(0);
    b.epoch = line["epoch"].integer(0);
    for (const std::string& name : line["tasks"].texts()) {
      const auto at = std::find(tasks.begin(), tasks.end(), name);
      if (at == tasks.end()) line.fail(fmt::format("'{}' is no task of this run", name));
      b.record.tasks.push_back(static_cast<size_t>(at - tasks.begin()));
    }
    const size_t m = b.record.tasks.size();
    b.record.weights = line["weights"].numbers();
    for (const JsonValue& entry : line["stages"].items()) {
      entry.only({"stage", "norms", "cosines"});
      BalanceRecord::Stage stage{entry["stage"].text(), entry["norms"].numbers(0), {}};
      for (const JsonValue& row : entry["cosines"].items()) {
        const std::vector<double> values = row.numbers();
        stage.cosines.insert(stage.cosines.end(), values.begin(), values.end());
      }
      if (stage.norms.size() != m || stage.cosines.size() != m * m)
        entry.fail(fmt::format("norms and cosines are those of {} tasks", m));
      b.record.stages.push_back(std::move(stage));
    }
    out.push_back(std::move(b));
  });
  return out;
}

std::vector<SearchLine> read_search(const std::string& path,
                                    const std::vector<std::string>& tasks) {
  std::vector<SearchLine> out;
  for_each_line(path, [&](const JsonValue& line) {
    line.only({"epoch", "step", "temperature", "active", "probability", "together"});
    SearchLine s;
    s.epoch = line["epoch"].integer(0);
    s.step = line["step"].integer(0);
    s.temperature = line["temperature"].number(0);
    s.active = static_cast<int>(line["active"].integer(0, std::numeric_limits<int>::max()));
    for (const std::string& task : tasks)
      s.probability.push_back(line["probability"][task].numbers(0, 1));
    if (line.has("together")) s.together = line["together"].number(0, 1);
    out.push_back(std::move(s));
  });
  return out;
}

}  // namespace weft
