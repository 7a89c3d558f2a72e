// Line by line.
#include "engine/machine_memory.h"

#include <cstdlib>
#include <fstream>
#include <limits>

namespace weft {

int64_t proc_bytes(const std::string& path, const std::string& name, int64_t absent) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    if (line.rfind(name + ":", 0) == 0)
      return std::strtoll(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  return absent;
}

int64_t machine_bytes() {
  return proc_bytes("/proc/meminfo", "MemTotal", std::numeric_limits<int64_t>::max());
}

}  // namespace weft
