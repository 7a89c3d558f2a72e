// open(O_APPEND), write and fsync; no buffer of ours.
#include "io/line_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/error.h"
#include "io/files.h"

namespace weft {

LineFile::LineFile(std::string path, int64_t lines) : path_(std::move(path)), lines_(lines) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("opened");
}

LineFile::LineFile(LineFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), lines_(other.lines_) {}

LineFile::~LineFile() {
  if (fd_ >= 0) ::close(fd_);
}

void LineFile::append(const std::string& line) {
  const std::string text = line + "\n";
  for (size_t at = 0; at < text.size();) {
    const ssize_t wrote = ::write(fd_, text.data() + at, text.size() - at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail("written");
    at += static_cast<size_t>(wrote);
  }
  ++lines_;
}

void LineFile::sync() const {
  // A pipe or a device given in place of a file knows no sync.
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) fail("written");
}

void LineFile::fail(const char* what) const {
  throw DataError(fmt::format("{}: cannot be {}: {}", path_, what, std::strerror(errno)));
}

std::vector<std::string> read_whole_lines(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  std::vector<std::string> lines;
  std::string line;
  for (const uint8_t byte : bytes) {
    if (byte != '\n') {
      line += static_cast<char>(byte);
      continue;
    }
    lines.push_back(std::move(line));
    line.clear();
  }
  return lines;
}

}  // namespace weft
