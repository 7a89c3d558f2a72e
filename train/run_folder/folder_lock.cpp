// open, flock, and a look whether the file that is locked is still the one that has the name.
#include "train/run_folder/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "engine/error.h"

namespace weft {
namespace {

/// The pid in a lock file; its owner may be just about to write it.
std::string owner_of(int fd) {
  for (int tries = 0; tries < 50; ++tries) {
    char text[32];
    const ssize_t size = pread(fd, text, sizeof text, 0);
    if (size > 1 && text[size - 1] == '\n') return std::string(text, static_cast<size_t>(size - 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return "unknown";
}

/// Between open and flock the owner may have removed the file, and the folder with it.
bool has_the_name(int fd, const std::string& path) {
  struct stat held {
  }, named{};
  return fstat(fd, &held) == 0 && stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

}  // namespace

FolderLock::FolderLock(std::string folder) : folder_(std::move(folder)) {
  const std::string path = folder_ + "/" + file_name;
  const auto fail = [&](const char* what, int error) {
    if (fd_ >= 0) close(fd_);
    throw DataError(fmt::format("{}: cannot be {}: {}", path, what, std::strerror(error)));
  };
  while (true) {
    fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) fail("opened", errno);
    int status;
    while ((status = flock(fd_, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {
    }
    if (status != 0 && errno != EWOULDBLOCK) fail("locked", errno);
    if (status != 0) {
      const std::string owner = owner_of(fd_);
      close(fd_);
      throw ConfigError(
          fmt::format("{}: a run is being trained in this folder, by process {}; wait until it has "
                      "ended, or stop it (kill {})",
                      folder_, owner, owner));
    }
    if (has_the_name(fd_, path)) break;
    close(fd_);
  }
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(fd_, 0) != 0 || pwrite(fd_, pid.data(), pid.size(), 0) < 0) fail("written", errno);
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : folder_(std::move(other.folder_)), fd_(std::exchange(other.fd_, -1)) {}

FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace weft
