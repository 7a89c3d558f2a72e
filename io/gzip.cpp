// gzip files; see gzip.h. zlib passes plain files through, and reads members one after the other.
#include "io/gzip.h"

#include <zlib.h>

#include <memory>

#include "engine/error.h"
#include "io/files.h"

namespace weft {

std::vector<uint8_t> read_gzip(const std::string& path) {
  constexpr unsigned piece = 1 << 20;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzdopen(open_regular_file(path), "rb"),
                                                        gzclose_r);
  if (file == nullptr) throw MemoryError(fmt::format("{}: no memory to unpack it", path));
  std::vector<uint8_t> bytes;
  int got = 1;
  while (got > 0) {
    const size_t done = bytes.size();
    if (done >= most_bytes) throw DataError(fmt::format("{}: unpacks to more than 4 GiB", path));
    bytes.resize(done + piece);
    got = gzread(file.get(), bytes.data() + done, piece);
    bytes.resize(done + (got > 0 ? static_cast<size_t>(got) : 0));
  }
  int status = Z_OK;
  gzerror(file.get(), &status);
  if (got < 0 || status != Z_OK)
    throw DataError(fmt::format("{}: broken or truncated gzip file", path));
  return bytes;
}

}  // namespace weft
