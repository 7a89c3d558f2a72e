// The idx files of MNIST and its relatives, plain or gzipped: a magic number 00 00 08 RANK, RANK
// big-endian extents, then bytes. Rank 3: images (N, H, W); rank 1: labels (N).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

struct Idx {
  std::vector<int64_t> extents;
  std::vector<uint8_t> bytes;

  int64_t count() const { return extents[0]; }
};

/// Throws DataError where the file is broken, cut short, or of another rank.
Idx read_idx(const std::string& path, int rank);
/// The same of bytes in memory; `path` only serves the messages.
Idx parse_idx(const std::vector<uint8_t>& file, const std::string& path, int rank);

}  // namespace weft
