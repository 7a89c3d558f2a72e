// write, fsync, rename, fsync of the folder: after commit() a power cut finds the new file, before
// it the old one.
#include "io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "engine/error.h"

namespace weft {

namespace {

void sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);  // some file systems cannot: the file itself is safe all the same
  ::close(fd);
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path)
    : path_(path), temporary_(fmt::format("{}.{}.tmp", path, ::getpid())) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("create");
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t wrote = ::write(fd_, at, std::min(size, size_t{1} << 30));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail("write");
    at += wrote;
    size -= static_cast<size_t>(wrote);
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail("write");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("rename into place");
  ::close(fd_);
  fd_ = -1;
  sync_folder_of(path_);
}

void AtomicFile::fail(const char* what) const {
  throw DataError(fmt::format("{}: cannot {}: {}", path_, what, std::strerror(errno)));
}

void rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0)
    throw DataError(fmt::format("{}: cannot be renamed to {}: {}", from, to, std::strerror(errno)));
  sync_folder_of(to);
}

void remove_litter(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::filesystem::path& path = entry.path();  // NAME.PID.tmp
    if (path.extension() != ".tmp" || path.stem().extension().empty()) continue;
    const std::string pid = path.stem().extension().string().substr(1);
    char* end = nullptr;
    const long owner = std::strtol(pid.c_str(), &end, 10);
    if (owner <= 0 || *end != '\0') continue;
    const bool alive = ::kill(static_cast<pid_t>(owner), 0) == 0 || errno != ESRCH;
    if (!alive || owner == ::getpid()) std::filesystem::remove(path, ignored);
  }
}

}  // namespace weft
