// What every target has in common: bytes are read whole, or refused by an error that names their
// file, "x"; whatever else comes out ends the process, which libFuzzer reports with the bytes.
// A target is one file here, build/fuzz_NAME with WEFT_FUZZ=ON; its seeds are ../corpus/NAME.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace weft::fuzz {

inline void require(bool ok, std::string_view what) {
  if (ok) return;
  std::fprintf(stderr, "not so: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

/// Whether `read` went through; Refusal is the one error that it may throw.
template <class Refusal = DataError, class F>
bool reads(F&& read, std::string_view name = "x") {
  try {
    read();
    return true;
  } catch (const Refusal& error) {
    const std::string_view message = error.what();
    require(message.substr(0, name.size()) == name, message);
    return false;
  }
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A file in memory, for readers that take a path.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("weft-fuzz", MFD_CLOEXEC)) { require(fd_ >= 0, "a memfd"); }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  void hold(const uint8_t* data, size_t size) {
    require(::ftruncate(fd_, static_cast<off_t>(size)) == 0 &&
                ::pwrite(fd_, data, size, 0) == static_cast<ssize_t>(size),
            "a write to a memfd");
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
