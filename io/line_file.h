// A file of lines that only grows: metrics.jsonl, search.jsonl, log.txt. Each line is handed to the
// system whole and at once; sync() waits until what is there has reached the disk. Failures are
// DataErrors that say why.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/append_file.h"

namespace weft {

class LineFile {
 public:
  /// Appends to `path`, which holds `lines` of them so far.
  explicit LineFile(std::string path, int64_t lines = 0) : file_(std::move(path)), lines_(lines) {}

  void append(const std::string& line) {
    file_.append(line + "\n");
    ++lines_;
  }
  void sync() const { file_.sync(); }
  int64_t lines() const { return lines_; }

 private:
  AppendFile file_;
  int64_t lines_ = 0;
};

/// All lines of a file that ends with a line's end; half a line after the last, as a killed writer
/// leaves it, is not one. A file that cannot be read is a DataError, never empty.
std::vector<std::string> read_whole_lines(const std::string& path);

}  // namespace weft
