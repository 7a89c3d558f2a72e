// The idx files of MNIST; see idx.h.
#include "io/idx.h"

#include "engine/error.h"
#include "io/gzip.h"

namespace weft {

Idx read_idx(const std::string& path, int rank) { return parse_idx(read_gzip(path), path, rank); }

Idx parse_idx(const std::vector<uint8_t>& file, const std::string& path, int rank) {
  const size_t header = 4 + 4 * static_cast<size_t>(rank);
  if (file.size() < header || file[0] != 0 || file[1] != 0 || file[2] != 8 || file[3] != rank) {
    throw DataError(fmt::format("{}: is no idx file of bytes of rank {}", path, rank));
  }
  Idx idx;
  uint64_t numbers = 1;
  for (int axis = 0; axis < rank; ++axis) {
    const uint8_t* at = file.data() + 4 + 4 * axis;
    const uint32_t extent = static_cast<uint32_t>(at[0]) << 24 | at[1] << 16 | at[2] << 8 | at[3];
    idx.extents.push_back(extent);
    numbers *= extent;
    if (numbers > file.size()) break;
  }
  if (numbers != file.size() - header) {
    throw DataError(fmt::format("{}: holds {} bytes, not as many as its header says", path,
                                file.size() - header));
  }
  idx.bytes.assign(file.begin() + static_cast<int64_t>(header), file.end());
  return idx;
}

}  // namespace weft
