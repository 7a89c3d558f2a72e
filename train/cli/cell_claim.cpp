// CellClaim over flock(2), which NFS carries between machines, too.
#include "train/cli/cell_claim.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "engine/error.h"

namespace weft::cli {

std::optional<CellClaim> CellClaim::take(const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  CellClaim claim(path, open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (claim.file_ >= 0 && flock(claim.file_, LOCK_EX | LOCK_NB) == 0) return claim;
  if (claim.file_ >= 0 && (errno == EWOULDBLOCK || errno == EINTR)) return std::nullopt;
  throw DataError(path + ": cannot be locked: " + std::strerror(errno));
}

CellClaim::CellClaim(CellClaim&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

CellClaim& CellClaim::operator=(CellClaim&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  return *this;
}

CellClaim::~CellClaim() {
  if (file_ >= 0) close(file_);
}

std::optional<int> CellClaim::noted_since(Time begin) const {
  std::array<char, 16> bytes{};
  struct stat about {};
  const ssize_t count = pread(file_, bytes.data(), bytes.size() - 1, 0);
  if (count < 0 || fstat(file_, &about) != 0)
    throw DataError(path_ + ": cannot be read: " + std::strerror(errno));
  const auto written =
      std::chrono::seconds(about.st_mtim.tv_sec) + std::chrono::nanoseconds(about.st_mtim.tv_nsec);
  if (count == 0 || written < begin.time_since_epoch()) return std::nullopt;
  return std::atoi(bytes.data());
}

void CellClaim::note(int number) {
  const std::string note = fmt::to_string(number);
  if (ftruncate(file_, 0) != 0 ||
      pwrite(file_, note.data(), note.size(), 0) != static_cast<ssize_t>(note.size()))
    throw DataError(path_ + ": cannot be written: " + std::strerror(errno));
}

void CellClaim::let_children_inherit(bool inherit) const {
  fcntl(file_, F_SETFD, inherit ? 0 : FD_CLOEXEC);
}

}  // namespace weft::cli
