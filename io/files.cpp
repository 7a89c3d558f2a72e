// Whole files in and out; see files.h.
#include "io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "engine/error.h"
#include "io/atomic_file.h"

namespace weft {
namespace {

constexpr uint64_t most_bytes = uint64_t{1} << 32;

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string reason() { return std::strerror(errno); }

}  // namespace

std::vector<uint8_t> read_file(const std::string& path) {
  // Opened without waiting, so that a pipe nobody writes to is refused and not waited for.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)};
  struct stat facts {};
  if (file.fd < 0 || ::fstat(file.fd, &facts) != 0)
    throw DataError(fmt::format("{}: cannot open: {}", path, reason()));
  if (!S_ISREG(facts.st_mode)) {
    throw DataError(fmt::format("{}: is a {}, expected a file", path,
                                S_ISDIR(facts.st_mode)    ? "folder"
                                : S_ISFIFO(facts.st_mode) ? "pipe"
                                                          : "device or socket"));
  }
  if (static_cast<uint64_t>(facts.st_size) >= most_bytes)
    throw DataError(fmt::format("{}: is {} bytes long; 4 GiB is the most", path, facts.st_size));
  std::vector<uint8_t> bytes(static_cast<size_t>(facts.st_size) + 1);
  size_t done = 0;
  for (;;) {
    if (done == bytes.size()) bytes.resize(done + (1 << 12));  // it may have grown
    const ssize_t got = ::read(file.fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(fmt::format("{}: cannot read: {}", path, reason()));
    if (got == 0) break;
    done += static_cast<size_t>(got);
    if (done >= most_bytes)
      throw DataError(fmt::format("{}: does not end; 4 GiB is the most", path));
  }
  bytes.resize(done);
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
    bytes.resize(done + std::clamp<size_t>(packed.size() * 2, 1 << 16, 1 << 28));
    stream.next_out = bytes.data() + done;
    stream.avail_out = static_cast<uInt>(bytes.size() - done);
    status = inflate(&stream, Z_NO_FLUSH);
    bytes.resize(bytes.size() - stream.avail_out);
    if (bytes.size() >= most_bytes)
      throw DataError(fmt::format("{}: unpacks to more than 4 GiB", path));
    // A gzip file may hold several members one after the other.
    if (status == Z_STREAM_END && stream.avail_in > 0) status = inflateReset(&stream);
  }
  if (status != Z_STREAM_END) {
    throw DataError(fmt::format("{}: broken or truncated gzip file", path));
  }
  return bytes;
}

}  // namespace weft
