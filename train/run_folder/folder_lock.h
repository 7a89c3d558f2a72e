// A run folder has one owner: an flock on FOLDER/.lock, which names the owner's pid. It ends with
// the process, however that ends, so a lock that nobody holds is never in the way; the file stays.
#pragma once

#include <string>

namespace weft {

class FolderLock {
 public:
  /// Takes the lock of a folder that exists; ConfigError, with the pid, where it is taken.
  FolderLock(std::string folder);  // NOLINT: a folder's name stands for it
  FolderLock(FolderLock&&) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

  const std::string& folder() const { return folder_; }
  static constexpr const char* file_name = ".lock";

 private:
  std::string folder_;
  int fd_ = -1;
};

}  // namespace weft
