// RunFolder: creation, resumption, and the lines it appends.
#include "train/run_folder.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "train/atomic_file.h"
#include "train/data/files.h"
#include "train/kept.h"
#include "train/run_file_difference.h"

namespace weft {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

/// Only what is not there is absent; what cannot be looked at is an error.
bool is_there(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return false;
  if (error) throw DataError(fmt::format("{}: cannot be read: {}", path, error.message()));
  return true;
}

json parse_line(const std::string& line, const std::string& path, size_t number) {
  json value = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) throw DataError(fmt::format("{}:{}: no JSON object", path, number));
  return value;
}

std::vector<json> read_lines(const std::string& path) {
  std::vector<json> out;
  const std::vector<std::string> lines = read_whole_lines(path);
  for (size_t i = 0; i < lines.size(); ++i) out.push_back(parse_line(lines[i], path, i + 1));
  return out;
}

/// Keeps the lines up to a step, so that a resumed run appends what an unbroken one would hold; the
/// final test (infer) is always run again, and so is what the step's end still owed when it was
/// saved: no more than `counted` lines stay, where the checkpoint says how many (not -1).
int64_t keep_until(const std::string& path, int64_t step, int64_t counted,
                   std::vector<std::string>& gaps) {
  std::string text;
  int64_t kept = 0;
  if (is_there(path)) {
    const std::vector<std::string> lines = read_whole_lines(path);
    for (size_t i = 0; i < lines.size() && kept != counted; ++i) {
      const json line = parse_line(lines[i], path, i + 1);
      if (line.value("step", int64_t{0}) > step || line.value("phase", "") == "infer") continue;
      text += lines[i] + "\n";
      ++kept;
    }
    if (text.size() != fs::file_size(path)) write_file(path, text);
  }
  if (kept < counted)
    gaps.push_back(
        fmt::format("{}: holds {} of the {} lines that were written up to step {}; the others are "
                    "lost, and tables and curves lack them",
                    path, kept, counted, step));
  return kept;
}

Phase phase_from(const std::string& name) {
  for (Phase p : {Phase::warmup, Phase::weights, Phase::policy, Phase::retrain, Phase::infer})
    if (name == name_of(p)) return p;
  throw DataError(fmt::format("unknown phase '{}'", name));
}

template <class F>
auto with_source(const std::string& path, F&& f) {
  try {
    return f();
  } catch (const json::exception& e) {
    throw DataError(fmt::format("{}: {}", path, e.what()));
  }
}

}  // namespace

RunFolder RunFolder::resume(FolderLock lock, int64_t step, const RecordLines& counted) {
  RunFolder folder(std::move(lock));
  const std::string& path = folder.path();
  for (const char* sub : {"", "/policy", "/checkpoints", "/pictures"}) remove_litter(path + sub);
  const RecordLines kept{
      keep_until(path + "/metrics.jsonl", step, counted.metrics, folder.gaps_),
      keep_until(path + "/policy/search.jsonl", step, counted.search, folder.gaps_)};
  folder.open_files(kept);
  return folder;
}

void RunFolder::open_files(const RecordLines& kept) {
  metrics_.emplace(path() + "/metrics.jsonl", kept.metrics);
  search_.emplace(path() + "/policy/search.jsonl", kept.search);
  log_.emplace(path() + "/log.txt");
}

RecordLines RunFolder::sync() const {
  metrics_->sync();
  search_->sync();
  log_->sync();
  return {metrics_->lines(), search_->lines()};
}

void require_same_run(const std::string& folder, const std::string& run_text) {
  const std::string path = folder + "/run.toml";
  if (!is_there(path)) return;
  RunFile here = parse_run_file(path);
  const RunFile begun = parse_run_text(run_text, path);
  here.data.root = begun.data.root;  // data may move: they are known by their fingerprint
  const auto difference = first_difference(here, begun);
  if (!difference) return;
  throw ConfigError(fmt::format(
      "{}: says '{}', but the run was begun with '{}', and a run keeps its run file; undo the "
      "change, or begin another run",
      path, difference->first, difference->second));
}

std::string RunFolder::checkpoint(const std::string& name) const {
  return checkpoint_path(path(), name);
}

std::string RunFolder::picture(const std::string& name) const {
  return path() + "/pictures/" + name;
}

void RunFolder::write(const MetricsLine& line) {
  json metrics = json::object();
  for (const Metric& m : line.metrics) metrics[m.name] = to_json_value(m.value);
  json file = {
      {"phase", name_of(line.phase)}, {"step", line.step},      {"epoch", line.epoch},
      {"split", line.split},          {"task", line.task},      {"loss", to_json_value(line.loss)},
      {"metrics", metrics},           {"seconds", line.seconds}};
  if (line.faults > 0) file["faults"] = line.faults;
  metrics_->append(file.dump());
}

void RunFolder::write(const SearchLine& line, const std::vector<std::string>& tasks) {
  json probability = json::object();
  for (size_t k = 0; k < tasks.size(); ++k) probability[tasks[k]] = line.probability[k];
  search_->append(json{
      {"epoch", line.epoch},
      {"step", line.step},
      {"temperature", line.temperature},
      {"active", line.active},
      {"probability",
       probability}}.dump());
}

void RunFolder::log(const std::string& line) { log_->append(line); }

void RunFolder::write_drawn(const std::string& text) {
  write_file(path() + "/policy/drawn.json", text);
}

void RunFolder::write(const Measured& m) const {
  const json file = {{"seconds", m.seconds}, {"waited", m.waited}, {"peak_bytes", m.peak_bytes}};
  write_file(path() + "/measured.json", file.dump() + "\n");
}

Measured read_measured(const std::string& folder) {
  const std::string path = folder + "/measured.json";
  if (!is_there(path)) return {};
  return with_source(path, [&] {
    const json file = json::parse(read_file(path));
    Measured m;
    file.at("seconds").get_to(m.seconds);
    file.at("waited").get_to(m.waited);
    file.at("peak_bytes").get_to(m.peak_bytes);
    return m;
  });
}

std::vector<MetricsLine> read_metrics(const std::string& path) {
  return with_source(path, [&] {
    std::vector<MetricsLine> out;
    for (const json& line : read_lines(path)) {
      MetricsLine m;
      m.phase = phase_from(line.at("phase"));
      m.step = line.at("step");
      m.epoch = line.at("epoch");
      m.split = line.at("split");
      m.task = line.at("task");
      m.loss = measure_from(line.at("loss"));
      for (const auto& [name, value] : line.at("metrics").items())
        m.metrics.push_back({name, measure_from(value), higher_is_better(name)});
      m.faults = line.value("faults", int64_t{0});
      m.seconds = line.at("seconds");
      out.push_back(std::move(m));
    }
    return out;
  });
}

std::vector<SearchLine> read_search(const std::string& path,
                                    const std::vector<std::string>& tasks) {
  return with_source(path, [&] {
    std::vector<SearchLine> out;
    for (const json& line : read_lines(path)) {
      SearchLine s;
      s.epoch = line.at("epoch");
      s.step = line.at("step");
      s.temperature = line.at("temperature");
      s.active = line.at("active");
      for (const std::string& task : tasks)
        s.probability.push_back(line.at("probability").at(task).get<std::vector<double>>());
      out.push_back(std::move(s));
    }
    return out;
  });
}

}  // namespace weft
