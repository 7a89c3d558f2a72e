// A file that only grows: what is appended is handed to the system at once, with no buffer of ours;
// sync() waits until it has reached the disk. Failures are DataErrors that say why.
#pragma once

#include <string>
#include <string_view>

namespace weft {

class AppendFile {
 public:
  /// Makes `path`, or goes on behind what it holds.
  explicit AppendFile(std::string path);
  AppendFile(AppendFile&&) noexcept;
  AppendFile& operator=(AppendFile&&) = delete;
  ~AppendFile();

  void append(std::string_view bytes);
  void sync() const;

 private:
  [[noreturn]] void fail(const char* what) const;

  std::string path_;
  int fd_ = -1;
};

}  // namespace weft
