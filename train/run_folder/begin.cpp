// How a run folder begins: what may lie in a folder that becomes one, what is taken over from a run
// that died before its first checkpoint, and how all of it goes away again.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "engine/error.h"
#include "io/atomic_file.h"
#include "io/files.h"
#include "train/run_folder/event_log.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/run_folder.h"

namespace weft {
namespace fs = std::filesystem;
namespace {

constexpr const char* sub_folders[] = {"policy", "checkpoints", "pictures"};
constexpr const char* own_files[] = {
    "run.toml",          "metrics.jsonl", "balance.jsonl",
    "log.txt",           "measured.json", "policy/search.jsonl",
    "policy/drawn.json", "test.json"};  // of a run of one step, whose end failed

/// The first thing in a folder that a run does not leave there before its first checkpoint; empty:
/// there is none. Without a lock file nothing in it is a run's.
std::string foreign_entry(const std::string& path) {
  const std::string lock = FolderLock::file_name;
  const bool ours = fs::exists(path + "/" + lock);
  std::set<std::string> known{lock};
  if (ours) {
    known.insert(std::begin(sub_folders), std::end(sub_folders));
    known.insert(std::begin(own_files), std::end(own_files));
    // A line of metrics is a step's, and there is none before the first checkpoint.
    std::error_code error;
    for (const char* lines : {"metrics.jsonl", "balance.jsonl"})
      if (fs::file_size(path + "/" + lines, error) > 0 && !error) known.erase(lines);
  }
  for (auto it = fs::recursive_directory_iterator(path); it != fs::end(it); ++it) {
    const std::string name = fs::relative(it->path(), path).string();
    if (known.count(name) == 0 && !(ours && it->path().extension() == ".tmp")) return name;
  }
  return "";
}

void refuse_content(const std::string& path) {
  if (!fs::exists(path)) return;
  if (!fs::is_directory(path))
    throw ConfigError(path + ": exists and is no folder; choose another --out");
  if (has_checkpoints(path))
    throw ConfigError(
        fmt::format("{}: exists and is not empty; go on with --resume {}, or choose another --out",
                    path, path));
  if (const std::string name = foreign_entry(path); !name.empty())
    throw ConfigError(fmt::format(
        "{}: exists and is not empty ({} lies in it); choose another --out", path, name));
}

/// The folder and its parents; returns those that were not there, the outermost first.
std::vector<std::string> make_folders(const std::string& path) {
  std::vector<fs::path> missing;
  for (fs::path at = path; !at.empty() && !fs::exists(at); at = at.parent_path())
    if (at.has_filename()) missing.push_back(at);
  std::reverse(missing.begin(), missing.end());
  std::vector<std::string> made;
  for (const fs::path& at : missing) {
    std::error_code error;
    if (fs::create_directory(at, error)) made.push_back(at.string());
    if (error)
      throw DataError(fmt::format("{}: cannot be created: {}", at.string(), error.message()));
  }
  return made;
}

void remove_beginnings(const std::string& path) {
  std::error_code ignored;
  std::vector<fs::path> events;  // of TensorBoard, begun by this process
  for (const auto& entry : fs::directory_iterator(path, ignored))
    if (entry.path().filename().string().rfind(EventLog::file_stem, 0) == 0)
      events.push_back(entry.path());
  for (const fs::path& file : events) fs::remove(file, ignored);
  for (const char* file : own_files) fs::remove(path + "/" + file, ignored);
  for (const auto& entry : fs::directory_iterator(path + "/checkpoints", ignored))
    fs::remove(entry.path(), ignored);
  for (const char* sub : sub_folders) {
    remove_litter(path + "/" + sub);
    ::rmdir((path + "/" + sub).c_str());  // not where somebody put something into it
  }
  remove_litter(path);
}

}  // namespace

void RunFolder::require_new(const std::string& path) {
  // Where a run is going on, its pid says more than that the folder is not empty.
  if (has_checkpoints(path) && fs::exists(path + "/" + FolderLock::file_name)) FolderLock{path};
  refuse_content(path);
}

RunFolder RunFolder::create(const std::string& path, const std::string& run_text) {
  require_new(path);
  std::vector<std::string> made = make_folders(path);
  FolderLock lock(path);
  refuse_content(path);  // of several processes that came so far, one holds the lock
  RunFolder folder(std::move(lock));
  folder.begun_here_ = true;
  folder.made_folders_ = std::move(made);
  try {
    remove_beginnings(path);
    for (const char* sub : sub_folders) make_folders(path + "/" + sub);
    write_file(path + "/run.toml", run_text);
    folder.open_files({0, 0, 0});
  } catch (...) {
    folder.discard();
    throw;
  }
  return folder;
}

void RunFolder::discard() noexcept {
  if (!begun_here_) return;
  begun_here_ = false;
  try {
    remove_beginnings(path());
    ::unlink((path() + "/" + FolderLock::file_name).c_str());
    for (auto it = made_folders_.rbegin(); it != made_folders_.rend(); ++it) ::rmdir(it->c_str());
  } catch (...) {  // what cannot be removed stays
  }
}

}  // namespace weft
