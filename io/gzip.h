// Files that gzip may have packed, through zlib's own reader.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// The contents of a .gz file, or of a plain one; less than 4 GiB. What is broken or cut short is a
/// DataError that names the path.
std::vector<uint8_t> read_gzip(const std::string& path);

}  // namespace weft
