// A file that appears whole or not at all: written under a temporary name beside it, flushed to the
// disk, renamed by commit(). Without commit() the destructor removes it. Failures are DataErrors.
#pragma once

#include <cstddef>
#include <string>

namespace weft {

class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, size_t size);
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;

  std::string path_, temporary_;
  int fd_ = -1;
};

/// Within a folder, for good; what was called `to` is gone.
void rename_file(const std::string& from, const std::string& to);

/// Removes from `folder` the temporary files of processes that are no more. Its lock is the
/// caller's: one of our own pid is of an earlier process that had it.
void remove_litter(const std::string& folder);

}  // namespace weft
