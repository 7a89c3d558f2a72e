// The index that AdaShare's data sets come with: a JSON object of splits (train, train1, train2,
// val or test_small, test), each a list of samples, each a list of paths relative to the root.
// A sample of train1 goes to the weights part, one of train2 to the policy part.
// Paths are matched by the words in them: a list in another order ("depth/1.npy" before
// "seg/1.png") is put in the set's, one that lacks a file is refused; paths that no word tells
// apart stand in the set's order.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace weft {

struct IndexEntry {
  std::vector<std::string> files;
  Split split;
};

/// What a sample consists of: of each file in turn, the words that name it in a path.
using FileWords = std::vector<std::vector<std::string>>;

/// Throws DataError where the file is no such index or a sample has not these files.
std::vector<IndexEntry> read_adashare_index(const std::string& path, const FileWords& files);

/// The files of a sample below `root`: the picture is the first, `file_of` says which is a task's.
SampleContents contents_of(const std::string& root, const IndexEntry& entry,
                           const std::vector<TaskSpec>& tasks, size_t (*file_of)(TaskKind));

/// The split a key of the index stands for; a DataError names unknown ones.
Split adashare_split(const std::string& key, const std::string& path);

}  // namespace weft
