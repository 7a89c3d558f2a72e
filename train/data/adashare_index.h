// The index that AdaShare's data sets come with: a JSON object of splits (train, train1, train2,
// val or test_small, test), each a list of samples, each a list of paths relative to the root.
// A sample of train1 goes to the weights part, one of train2 to the policy part.
#pragma once

#include <string>
#include <vector>

#include "train/data/sample.h"

namespace weft {

struct IndexEntry {
  std::vector<std::string> files;
  Split split;
};

/// Throws DataError where the file is no such index or a sample has not `files` paths.
std::vector<IndexEntry> read_adashare_index(const std::string& path, size_t files);

/// The split a key of the index stands for; a DataError names unknown ones.
Split adashare_split(const std::string& key, const std::string& path);

}  // namespace weft
