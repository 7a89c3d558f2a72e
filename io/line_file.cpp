// Lines read whole.
#include "io/line_file.h"

#include "io/files.h"

namespace weft {

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
