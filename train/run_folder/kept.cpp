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

std::string numbered(const std::string& stem, int64_t number) {
  return number == 0 ? stem : fmt::format("{}-{}", stem, number);
}
std::string name_of_kept(int64_t age) { return numbered("last", age); }

/// Which of STEM, STEM-1 .. `name` is, from 0; -1: none of them.
int64_t number_of(const std::string& stem, const std::string& name) {
  if (name == stem) return 0;
  const std::string begin = stem + "-";
  if (name.rfind(begin, 0) != 0 || name.size() == begin.size() || name.size() > begin.size() + 4)
    return -1;
  const std::string digits = name.substr(begin.size());
  if (digits.find_first_not_of("0123456789") != std::string::npos || digits[0] == '0') return -1;
  return std::stoi(digits);
}
/// How old `name` is, 0 for last.
int64_t age_of(const std::string& name) { return number_of("last", name); }

/// The numbers of those that are there, in order: the youngest first, or the best.
std::vector<int64_t> kept(const std::string& folder, const std::string& stem = "last") {
  std::vector<int64_t> numbers;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder + "/checkpoints", none))
    if (entry.path().extension() == ".safetensors")
      if (const int64_t n = number_of(stem, entry.path().stem().string()); n >= 0)
        numbers.push_back(n);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
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

std::string network_file(const std::string& folder) {
  const std::string best = checkpoint_path(folder, "best"), last = checkpoint_path(folder, "last");
  if (fs::exists(best)) return best;
  if (!fs::exists(last))
    throw DataError(last + ": there is no such checkpoint; is this a run folder?");
  return last;
}

bool has_checkpoints(const std::string& folder) { return !kept(folder).empty(); }

std::string next_checkpoint(const std::string& folder, const std::string& stem) {
  return fmt::format("{}.next.{}.tmp", checkpoint_path(folder, stem), ::getpid());
}

void insert_checkpoint(const std::string& folder, const std::string& stem, size_t place,
                       size_t keep) {
  const auto path = [&](int64_t n) { return checkpoint_path(folder, numbered(stem, n)); };
  const auto at = static_cast<int64_t>(place), end = static_cast<int64_t>(keep);
  const std::vector<int64_t> numbers = kept(folder, stem);
  for (auto n = numbers.rbegin(); n != numbers.rend(); ++n)
    if (*n >= std::max<int64_t>(at, 1) && *n + 1 < end) rename_file(path(*n), path(*n + 1));
  std::error_code error;
  if (at == 0 && end > 1 && !numbers.empty() && numbers[0] == 0) {
    // The first gets its second name without losing the one it has.
    const std::string second = fmt::format("{}.{}.tmp", path(1), ::getpid());
    fs::remove(second, error);
    fs::create_hard_link(path(0), second, error);
    if (error) fs::copy_file(path(0), second, error);  // a file system without links
    if (error) throw DataError(fmt::format("{}: cannot be written: {}", path(1), error.message()));
    rename_file(second, path(1));
    fs::remove(second, error);  // where both are names of one file, renaming has left it
  }
  rename_file(next_checkpoint(folder, stem), path(at));
  for (const int64_t n : numbers)  // a larger `keep` of before
    if (n > 0 && n >= end) fs::remove(path(n), error);
}

std::vector<std::pair<int64_t, int64_t>> whole_checkpoints(const std::string& folder,
                                                           const std::string& stem) {
  std::vector<std::pair<int64_t, int64_t>> out;
  for (const int64_t n : kept(folder, stem))
    if (const auto step = whole_step(checkpoint_path(folder, numbered(stem, n))))
      out.emplace_back(n, *step);
  return out;
}

void keep_checkpoints(const std::string& folder, const std::string& stem,
                      const std::vector<int64_t>& numbers) {
  const auto path = [&](int64_t n) { return checkpoint_path(folder, numbered(stem, n)); };
  const auto end = static_cast<int64_t>(numbers.size());
  for (int64_t i = 0; i < end; ++i)
    if (const int64_t from = numbers[static_cast<size_t>(i)]; from != i)
      rename_file(path(from), path(i));
  std::error_code none;
  for (const int64_t n : kept(folder, stem))
    if (n >= end) fs::remove(path(n), none);
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
  remove_all(folder,
             {"summary.json", "rows.csv", "pictures/predictions.svg", "pictures/samples.svg"});
}

}  // namespace weft
