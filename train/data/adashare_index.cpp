// AdaShare's JSON index; see adashare_index.h.
#include "train/data/adashare_index.h"

#include <map>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "train/data/files.h"

namespace weft {

Split adashare_split(const std::string& key, const std::string& path) {
  if (key == "train") return Split::train;
  if (key == "train1") return Split::weights;
  if (key == "train2") return Split::policy;
  if (key == "val" || key == "test_small") return Split::val;
  if (key == "test") return Split::test;
  throw DataError(fmt::format(
      "{}: key '{}'; expected train, train1, train2, val, test_small or test", path, key));
}

std::vector<IndexEntry> read_adashare_index(const std::string& path, size_t files) {
  const std::vector<uint8_t> bytes = read_file(path);
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) throw DataError(fmt::format("{}: is no JSON object of splits", path));
  std::vector<IndexEntry> entries;
  std::map<std::string, size_t> training;  // image -> entry: train1 and train2 are parts of train
  for (const auto& [key, samples] : json.items()) {
    const Split split = adashare_split(key, path);
    const bool held_out = split == Split::val || split == Split::test;
    for (const auto& sample : samples) {
      bool fits = sample.is_array() && sample.size() == files;
      for (const auto& file : sample) fits &= file.is_string();
      if (!fits) {
        throw DataError(fmt::format("{}: '{}' has a sample that is no list of {} paths: {}", path,
                                    key, files, sample.dump()));
      }
      IndexEntry entry{sample.get<std::vector<std::string>>(), split};
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
