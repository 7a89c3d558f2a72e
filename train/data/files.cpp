// Whole files in and out; see files.h.
#include "train/data/files.h"

#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "engine/error.h"
#include "train/atomic_file.h"

namespace weft {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::string reason() { return std::strerror(errno); }

}  // namespace

std::vector<uint8_t> read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw DataError(fmt::format("{}: is a folder, expected a file", path));
  }
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) throw DataError(fmt::format("{}: cannot open: {}", path, reason()));
  std::vector<uint8_t> bytes;
  const auto size = std::filesystem::file_size(path, error);
  if (!error) bytes.reserve(size);
  uint8_t chunk[1 << 14];
  while (const size_t got = std::fread(chunk, 1, sizeof chunk, file.get())) {
    bytes.insert(bytes.end(), chunk, chunk + got);
  }
  if (std::ferror(file.get())) throw DataError(fmt::format("{}: cannot read: {}", path, reason()));
  return bytes;
}

void write_file(const std::string& path, const void* bytes, size_t size) {
  AtomicFile file(path);
  file.write(bytes, size);
  file.commit();
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw DataError(fmt::format("{}: cannot make the folder: {}", path, error.message()));
}

std::string join_path(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

std::vector<uint8_t> read_gzip(const std::string& path) {
  const std::vector<uint8_t> packed = read_file(path);
  if (packed.size() < 2 || packed[0] != 0x1f || packed[1] != 0x8b) return packed;
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw Error("zlib does not start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = const_cast<uint8_t*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::vector<uint8_t> bytes;
  int status = Z_OK;
  while (status == Z_OK) {
    const size_t done = bytes.size();
    bytes.resize(done + std::max<size_t>(packed.size() * 2, 1 << 16));
    stream.next_out = bytes.data() + done;
    stream.avail_out = static_cast<uInt>(bytes.size() - done);
    status = inflate(&stream, Z_NO_FLUSH);
    bytes.resize(bytes.size() - stream.avail_out);
    // A gzip file may hold several members one after the other.
    if (status == Z_STREAM_END && stream.avail_in > 0) status = inflateReset(&stream);
  }
  if (status != Z_STREAM_END) {
    throw DataError(fmt::format("{}: broken or truncated gzip file", path));
  }
  return bytes;
}

}  // namespace weft
