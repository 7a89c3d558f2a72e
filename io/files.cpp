// Whole files in and out; see files.h.
#include "io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/error.h"
#include "io/atomic_file.h"

namespace weft {
namespace {

struct Descriptor {
  int fd;
  explicit Descriptor(int fd_) : fd(fd_) {}
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string reason() { return std::strerror(errno); }

/// `facts` become those of the file, which is a regular one.
Descriptor open_file(const std::string& path, struct stat& facts) {
  // Opened without waiting, so that a pipe nobody writes to is refused and not waited for.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)};
  if (file.fd < 0 || ::fstat(file.fd, &facts) != 0)
    throw DataError(fmt::format("{}: cannot open: {}", path, reason()));
  if (!S_ISREG(facts.st_mode)) {
    throw DataError(fmt::format("{}: is a {}, expected a file", path,
                                S_ISDIR(facts.st_mode)    ? "folder"
                                : S_ISFIFO(facts.st_mode) ? "pipe"
                                                          : "device or socket"));
  }
  return file;
}

}  // namespace

int open_regular_file(const std::string& path) {
  struct stat facts {};
  Descriptor file = open_file(path, facts);
  return std::exchange(file.fd, -1);
}

std::string read_text(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

std::vector<uint8_t> read_file(const std::string& path) {
  struct stat facts {};
  const Descriptor file = open_file(path, facts);
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

}  // namespace weft
