// Whole files in and out. Every failure is a DataError that names the path; a file is written under
// a temporary name and renamed, so that a reader (or a crash) never meets half of one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

inline constexpr uint64_t most_bytes = uint64_t{1} << 32;  ///< of a file that is read whole

/// An open descriptor, the caller's to close, of a regular file.
int open_regular_file(const std::string& path);
/// A regular file of less than 4 GiB: pipes, devices and folders are refused, without waiting.
std::vector<uint8_t> read_file(const std::string& path);
/// The same as text.
std::string read_text(const std::string& path);

void write_file(const std::string& path, const void* bytes, size_t size);
inline void write_file(const std::string& path, std::string_view text) {
  write_file(path, text.data(), text.size());
}

/// The folder and its parents, where they do not exist yet.
void make_folder(const std::string& path);

/// folder + "/" + name; an absolute name stands for itself, an empty folder adds nothing.
std::string join_path(const std::string& folder, const std::string& name);

}  // namespace weft
