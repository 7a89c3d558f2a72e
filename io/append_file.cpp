// open(O_APPEND), write and fsync.
#include "io/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/error.h"

namespace weft {

AppendFile::AppendFile(std::string path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("opened");
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

void AppendFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd_, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail("written");
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
}

void AppendFile::sync() const {
  // A pipe or a device given in place of a file knows no sync.
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) fail("written");
}

void AppendFile::fail(const char* what) const {
  throw DataError(fmt::format("{}: cannot be {}: {}", path_, what, std::strerror(errno)));
}

}  // namespace weft
