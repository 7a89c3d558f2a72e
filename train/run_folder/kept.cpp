// Hard links and renames: a name always stands for a whole file.
#include "train/run_folder/kept.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "io/atomic_file.h"
#include "io/safetensors.h"

namespace weft {
namespace fs = std::filesystem;
namespace {

std::string name_of_kept(int64_t age) { return age == 0 ? "last" : fmt::format("last-{}", age); }

/// How old `name` is, 0 for last; -1: it is none of them.
int64_t age_of(const std::string& name) {
  if (name == "last") return 0;
  const std::string begin = "last-";
  if (name.rfind(begin, 0) != 0 || name.size() == begin.size() || name.size() > begin.size() + 4)
    return -1;
  const std::string digits = name.substr(begin.size());
  if (digits.find_first_not_of("0123456789") != std::string::npos || digits[0] == '0') return -1;
  return std::stoi(digits);
}

/// The ages of those that are there, the youngest first.
std::vector<int64_t> kept(const std::string& folder) {
  std::vector<int64_t> ages;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder + "/checkpoints", none))
    if (entry.path().extension() == ".safetensors")
      if (const int64_t age = age_of(entry.path().stem().string()); age >= 0) ages.push_back(age);
  std::sort(ages.begin(), ages.end());
  return ages;
}

/// Every byte under its checksum; DataError where one does not hold.
Checkpoint read_whole(const std::string& path) {
  SafetensorsFile(path).verify();
  return read_checkpoint(path);
}

/// The run step of a checkpoint that is whole.
std::optional<int64_t> whole_step(const std::string& path) {
  try {
    return read_whole(path).state.total_step;
  } catch (const DataError&) {
    return std::nullopt;
  }
}

}  // namespace

std::string checkpoint_path(const std::string& folder, const std::string& name) {
  return folder + "/checkpoints/" + name + ".safetensors";
}

bool has_checkpoints(const std::string& folder) { return !kept(folder).empty(); }

std::string next_checkpoint(const std::string& folder) {
  return fmt::format("{}.next.{}.tmp", checkpoint_path(folder, "last"), ::getpid());
}

void rotate_checkpoints(const std::string& folder, int64_t keep) {
  const auto path = [&](int64_t age) { return checkpoint_path(folder, name_of_kept(age)); };
  const std::vector<int64_t> ages = kept(folder);
  for (auto age = ages.rbegin(); age != ages.rend(); ++age)
    if (*age >= 1 && *age + 1 < keep) rename_file(path(*age), path(*age + 1));
  std::error_code error;
  if (keep > 1 && !ages.empty() && ages[0] == 0) {
    // `last` gets its second name without losing the first.
    const std::string second = fmt::format("{}.{}.tmp", path(1), ::getpid());
    fs::remove(second, error);
    fs::create_hard_link(path(0), second, error);
    if (error) fs::copy_file(path(0), second, error);  // a file system without links
    if (error) throw DataError(fmt::format("{}: cannot be written: {}", path(1), error.message()));
    rename_file(second, path(1));
    fs::remove(second, error);  // where both are names of one file, renaming has left it
  }
  rename_file(next_checkpoint(folder), path(0));
  for (const int64_t age : ages)  // a larger `keep` of before
    if (age > 0 && age >= keep) fs::remove(path(age), error);
}

Checkpoint read_resumable(const std::string& folder, const std::string& name) {
  const int64_t age = age_of(name);
  if (age < 0)
    throw ConfigError(fmt::format(
        "--checkpoint {}: a run goes on from last, or from last-1, last-2 .. where it is damaged",
        name));
  try {
    return read_whole(checkpoint_path(folder, name));
  } catch (const DataError& damage) {
    for (const int64_t older : kept(folder)) {
      if (older <= age) continue;
      const std::string before = name_of_kept(older);
      if (const auto step = whole_step(checkpoint_path(folder, before)))
        throw DataError(fmt::format(
            "{}; the one before is whole, of run step {}: go on from it with: weft train --resume "
            "{} --checkpoint {}",
            damage.what(), *step, folder, before));
    }
    throw;
  }
}

std::string newest_unfinished(const std::string& folder) {
  for (const int64_t age : kept(folder)) {
    const std::string name = name_of_kept(age);
    if (read_whole(checkpoint_path(folder, name)).state.stage != Stage::done) return name;
  }
  throw DataError(
      fmt::format("{}: the run is finished, and of its last checkpoints none is from before its "
                  "end, from which "
                  "more steps could go on: checkpoint.keep = 2 leaves one",
                  folder));
}

void make_last(const std::string& folder, const std::string& name) {
  const int64_t age = age_of(name);
  if (age <= 0) return;
  rename_file(checkpoint_path(folder, name), checkpoint_path(folder, "last"));
  std::error_code none;
  for (const int64_t younger : kept(folder))  // damaged, or of steps that come again
    if (younger > 0 && younger < age)
      fs::remove(checkpoint_path(folder, name_of_kept(younger)), none);
}

namespace {

void remove_all(const std::string& folder, const std::vector<const char*>& files) {
  for (const char* file : files) {
    std::error_code error;
    fs::remove(folder + "/" + file, error);  // where there is none, that is no error
    if (error)
      throw DataError(
          fmt::format("{}/{}: cannot be removed: {}; it is of an earlier end of this run", folder,
                      file, error.message()));
  }
}

}  // namespace

void remove_test_record(const std::string& folder) {
  remove_all(folder, {"test.json", "pictures/extremes.svg"});
}

void remove_end(const std::string& folder) {
  remove_test_record(folder);
  remove_all(folder, {"summary.json", "pictures/predictions.svg", "pictures/samples.svg"});
}

}  // namespace weft
