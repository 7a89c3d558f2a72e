// RunFolder: creation, resumption, and the lines it appends.
#include "train/run_folder.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "train/atomic_file.h"

namespace weft {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

std::vector<json> read_lines(const std::string& path) {
  std::vector<json> lines;
  std::ifstream in(path);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    json value = json::parse(line, nullptr, /*allow_exceptions=*/false);
    // A killed run may leave half a line at the end; anywhere else it is damage.
    if (value.is_discarded() && in.peek() == std::ifstream::traits_type::eof()) break;
    if (!value.is_object()) throw DataError(fmt::format("{}:{}: no JSON object", path, number));
    lines.push_back(std::move(value));
  }
  return lines;
}

/// Keeps the lines up to a step, so that a resumed run appends what an unbroken one would hold; the
/// final test (infer) is always run again.
void keep_until(const std::string& path, int64_t step) {
  if (!fs::exists(path)) return;
  std::string text;
  for (const json& line : read_lines(path))
    if (line.value("step", int64_t{0}) <= step && line.value("phase", "") != "infer")
      text += line.dump() + "\n";
  write_file(path, text);
}

std::FILE* open_append(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "a");
  if (file == nullptr) throw DataError(path + ": cannot be written");
  return file;
}

void append(std::FILE* file, const std::string& line) {
  if (std::fputs(line.c_str(), file) < 0 || std::fputc('\n', file) < 0 || std::fflush(file) != 0)
    throw DataError("the run folder cannot be written: is the disk full?");
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

RunFolder::RunFolder(std::string path) : path_(std::move(path)) {}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)),
      metrics_(std::exchange(other.metrics_, nullptr)),
      search_(std::exchange(other.search_, nullptr)),
      log_(std::exchange(other.log_, nullptr)) {}

RunFolder::~RunFolder() {
  for (std::FILE* file : {metrics_, search_, log_})
    if (file != nullptr) std::fclose(file);
}

RunFolder RunFolder::create(const std::string& path, const std::string& run_text) {
  std::error_code error;
  if (fs::exists(path) && (!fs::is_directory(path) || !fs::is_empty(path, error)))
    throw ConfigError(
        fmt::format("{}: exists and is not empty; go on with --resume {}, or choose another --out",
                    path, path));
  for (const char* sub : {"policy", "checkpoints", "pictures"}) {
    fs::create_directories(fs::path(path) / sub, error);
    if (error) throw DataError(fmt::format("{}: cannot be created: {}", path, error.message()));
  }
  write_file(path + "/run.toml", run_text);
  RunFolder folder(path);
  folder.open_files();
  return folder;
}

RunFolder RunFolder::resume(const std::string& path, int64_t step) {
  keep_until(path + "/metrics.jsonl", step);
  keep_until(path + "/policy/search.jsonl", step);
  RunFolder folder(path);
  folder.open_files();
  return folder;
}

void RunFolder::open_files() {
  metrics_ = open_append(path_ + "/metrics.jsonl");
  search_ = open_append(path_ + "/policy/search.jsonl");
  log_ = open_append(path_ + "/log.txt");
}

std::string RunFolder::checkpoint(const std::string& name) const {
  return path_ + "/checkpoints/" + name + ".safetensors";
}

std::string RunFolder::picture(const std::string& name) const {
  return path_ + "/pictures/" + name;
}

void RunFolder::write(const MetricsLine& line) {
  json metrics = json::object();
  for (const Metric& m : line.metrics) metrics[m.name] = to_json_value(m.value);
  json file = {
      {"phase", name_of(line.phase)}, {"step", line.step},      {"epoch", line.epoch},
      {"split", line.split},          {"task", line.task},      {"loss", to_json_value(line.loss)},
      {"metrics", metrics},           {"seconds", line.seconds}};
  if (line.faults > 0) file["faults"] = line.faults;
  append(metrics_, file.dump());
}

void RunFolder::write(const SearchLine& line, const std::vector<std::string>& tasks) {
  json probability = json::object();
  for (size_t k = 0; k < tasks.size(); ++k) probability[tasks[k]] = line.probability[k];
  append(search_, json{{"epoch", line.epoch},
                       {"step", line.step},
                       {"temperature", line.temperature},
                       {"active", line.active},
                       {"probability", probability}}
                      .dump());
}

void RunFolder::log(const std::string& line) { append(log_, line); }

void RunFolder::write_drawn(const std::string& text) {
  write_file(path_ + "/policy/drawn.json", text);
}

void RunFolder::write(const Measured& m) const {
  const json file = {{"seconds", m.seconds}, {"waited", m.waited}, {"peak_bytes", m.peak_bytes}};
  write_file(path_ + "/measured.json", file.dump() + "\n");
}

Measured read_measured(const std::string& folder) {
  const std::string path = folder + "/measured.json";
  std::ifstream in(path);
  if (!in) return {};
  return with_source(path, [&] {
    const json file = json::parse(in);
    Measured m;
    file.at("seconds").get_to(m.seconds);
    file.at("waited").get_to(m.waited);
    file.at("peak_bytes").get_to(m.peak_bytes);
    return m;
  });
}

std::string policy_json(const DrawnPolicy& policy, const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks,
                        const std::vector<std::vector<double>>& probability, uint64_t seed) {
  json select = json::object(), p = json::object();
  for (size_t k = 0; k < tasks.size(); ++k) {
    select[tasks[k]] = policy.select[k];
    p[tasks[k]] = probability[k];
  }
  return json{{"version", 1},     {"tasks", tasks},   {"blocks", blocks},
              {"select", select}, {"probability", p}, {"seed", seed}}
             .dump(1) +
         "\n";
}

DrawnPolicy read_policy(const std::string& path, const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks) {
  std::ifstream in(path);
  if (!in) throw DataError(path + ": cannot be read");
  return with_source(path, [&] {
    const json file = json::parse(in);
    if (const int version = file.at("version").get<int>(); version != 1)
      throw DataError(fmt::format("{}: version {}; this build reads version 1", path, version));
    if (file.at("blocks").get<std::vector<std::string>>() != blocks)
      throw DataError(path + ": its blocks are not this model's");
    DrawnPolicy policy;
    for (const std::string& task : tasks) {
      if (!file.at("select").contains(task))
        throw DataError(fmt::format("{}: 'select' has no task '{}'", path, task));
      auto row = file["select"][task].get<std::vector<int>>();
      if (row.size() != blocks.size())
        throw DataError(fmt::format("{}: task '{}' has {} gates for {} blocks", path, task,
                                    row.size(), blocks.size()));
      for (int s : row)
        if (s != 0 && s != 1)
          throw DataError(fmt::format("{}: task '{}': a gate is 0 or 1, not {}", path, task, s));
      policy.select.push_back(std::move(row));
    }
    return policy;
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
