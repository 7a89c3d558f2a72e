// AdaShare's JSON index; see adashare_index.h.
#include "data/sets/adashare_index.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "engine/error.h"
#include "io/files.h"

namespace weft {

SampleContents contents_of(const std::string& root, const IndexEntry& entry,
                           const std::vector<TaskSpec>& tasks, size_t (*file_of)(TaskKind)) {
  SampleContents out{{join_path(root, entry.files[0])}, {}};
  for (const TaskSpec& task : tasks)
    out.label_files.push_back(join_path(root, entry.files[file_of(task.kind)]));
  return out;
}

Split adashare_split(const std::string& key, const std::string& path) {
  if (key == "train") return Split::train;
  if (key == "train1") return Split::weights;
  if (key == "train2") return Split::policy;
  if (key == "val" || key == "test_small") return Split::val;
  if (key == "test") return Split::test;
  throw DataError(fmt::format(
      "{}: key '{}'; expected train, train1, train2, val, test_small or test", path, key));
}

namespace {

/// The runs of letters and digits in a path, in lower case.
std::set<std::string> parts_of(const std::string& path) {
  std::set<std::string> parts;
  std::string part;
  for (const char c : path + "/") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      part += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      parts.insert(std::exchange(part, ""));
    }
  }
  return parts;
}

/// The one file whose words are among the parts; -1: none or several.
int file_named_by(const std::set<std::string>& parts, const FileWords& files) {
  int found = -1;
  for (size_t f = 0; f < files.size(); ++f) {
    const auto here = [&](const std::string& word) { return parts.count(word) > 0; };
    if (std::none_of(files[f].begin(), files[f].end(), here)) continue;
    if (found >= 0) return -1;
    found = static_cast<int>(f);
  }
  return found;
}

/// The sample's paths in the order of `files`.
std::vector<std::string> in_order(const std::vector<std::string>& paths, const FileWords& files,
                                  const std::string& place) {
  std::map<std::string, size_t> seen;  // what stands in every path tells none apart
  for (const std::string& path : paths)
    for (const std::string& part : parts_of(path)) ++seen[part];
  std::vector<std::string> ordered(files.size());
  size_t named = 0;
  bool moved = false;
  for (size_t i = 0; i < paths.size(); ++i) {
    std::set<std::string> parts = parts_of(paths[i]);
    std::erase_if(parts, [&](const std::string& part) { return seen[part] == paths.size(); });
    const int file = file_named_by(parts, files);
    if (file < 0) continue;
    moved |= file != static_cast<int>(i);
    named += ordered[static_cast<size_t>(file)].empty();
    ordered[static_cast<size_t>(file)] = paths[i];
  }
  if (!moved) return paths;
  if (named == files.size()) return ordered;
  std::vector<std::string> expected;
  for (const auto& words : files) expected.push_back(words[0]);
  throw DataError(fmt::format("{}: a sample is {}; expected one path each of {}", place,
                              fmt::join(paths, ", "), fmt::join(expected, ", ")));
}

}  // namespace

std::vector<IndexEntry> read_adashare_index(const std::string& path, const FileWords& files) {
  const std::vector<uint8_t> bytes = read_file(path);
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) throw DataError(fmt::format("{}: is no JSON object of splits", path));
  std::vector<IndexEntry> entries;
  std::map<std::string, size_t> training;  // image -> entry: train1 and train2 are parts of train
  for (const auto& [key, samples] : json.items()) {
    const Split split = adashare_split(key, path);
    const bool held_out = split == Split::val || split == Split::test;
    for (const auto& sample : samples) {
      bool fits = sample.is_array() && sample.size() == files.size();
      for (const auto& file : sample) fits &= file.is_string();
      if (!fits) {
        throw DataError(fmt::format("{}: '{}' has a sample that is no list of {} paths: {}", path,
                                    key, files.size(), sample.dump()));
      }
      const std::string place = fmt::format("{}: '{}'", path, key);
      IndexEntry entry{in_order(sample.get<std::vector<std::string>>(), files, place), split};
      if (held_out) {
        entries.push_back(std::move(entry));
        continue;
      }
      // Keys come in alphabetical order: train first, then the part it belongs to.
      const auto [it, fresh] = training.emplace(entry.files[0], entries.size());
      if (fresh) {
        entries.push_back(std::move(entry));
      } else {
        entries[it->second].split = split;
      }
    }
  }
  if (entries.empty()) throw DataError(fmt::format("{}: lists no samples", path));
  return entries;
}

}  // namespace weft
