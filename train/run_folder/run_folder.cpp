// RunFolder: creation, resumption, and the lines it appends.
#include "train/run_folder/run_folder.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "io/atomic_file.h"
#include "io/files.h"
#include "train/run_file/difference.h"
#include "train/run_folder/event_log.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/run_record.h"

namespace weft {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

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
      const auto [at, is_final] = place_of_line(lines[i], path, i + 1);
      if (at > step || is_final) continue;
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

}  // namespace

RunFolder::RunFolder(FolderLock lock) : lock_(std::move(lock)) {}
RunFolder::RunFolder(RunFolder&&) noexcept = default;
RunFolder::~RunFolder() = default;

RunFolder RunFolder::resume(FolderLock lock, int64_t step, const RecordLines& counted) {
  RunFolder folder(std::move(lock));
  const std::string& path = folder.path();
  for (const char* sub : {"", "/policy", "/checkpoints", "/pictures"}) remove_litter(path + sub);
  const RecordLines kept{
      keep_until(path + "/metrics.jsonl", step, counted.metrics, folder.gaps_),
      keep_until(path + "/policy/search.jsonl", step, counted.search, folder.gaps_),
      keep_until(path + "/balance.jsonl", step, counted.balance, folder.gaps_)};
  folder.open_files(kept);
  return folder;
}

void RunFolder::open_files(const RecordLines& kept) {
  metrics_.emplace(path() + "/metrics.jsonl", kept.metrics);
  search_.emplace(path() + "/policy/search.jsonl", kept.search);
  log_.emplace(path() + "/log.txt");
  if (kept.balance > 0) balance_.emplace(path() + "/balance.jsonl", kept.balance);
}

RecordLines RunFolder::sync() const {
  metrics_->sync();
  search_->sync();
  log_->sync();
  if (balance_) balance_->sync();
  return {metrics_->lines(), search_->lines(), balance_ ? balance_->lines() : 0};
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

void RunFolder::record_events(const RunFile& run, const TrainState& state) {
  events_ = std::make_unique<EventLog>(path(), run, state);
}

void RunFolder::show(const std::string& name, int64_t step, const Picture& picture) {
  if (events_) events_->write(name, step, picture);
}

void RunFolder::write(const MetricsLine& line) {
  metrics_->append(to_line(line));
  if (events_) events_->write(line);
}

void RunFolder::write(const SearchLine& line, const std::vector<std::string>& tasks) {
  search_->append(to_line(line, tasks));
  if (events_) events_->write(line, tasks);
}

void RunFolder::write(const BalanceLine& line, const std::vector<std::string>& tasks) {
  if (!balance_) balance_.emplace(path() + "/balance.jsonl");
  balance_->append(to_line(line, tasks));
}

void RunFolder::log(const std::string& line) { log_->append(line); }

void RunFolder::write_policy(const std::string& text) {
  write_file(path() + "/policy/drawn.json", text);
}

void RunFolder::write_run(const std::string& text) { write_file(path() + "/run.toml", text); }

void RunFolder::write(const Measured& m) const {
  write_file(path() + "/measured.json", to_text(m));
}

}  // namespace weft
