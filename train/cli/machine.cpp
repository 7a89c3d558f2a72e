// What the kernel, the file system, the build and CUDA say.
#include "train/cli/machine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/cpu/context.h"
#include "engine/device.h"
#include "engine/machine_memory.h"
#include "engine/version.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

/// NVIDIA's driver shows each card in a folder of its own.
std::vector<std::string> nvidia_cards() {
  std::vector<std::string> cards;
  std::error_code none;
  for (const auto& card : fs::directory_iterator("/proc/driver/nvidia/gpus", none)) {
    std::ifstream file(card.path() / "information");
    for (std::string line; std::getline(file, line);)
      if (line.rfind("Model:", 0) == 0)
        cards.push_back(line.substr(line.find_first_not_of(" \t", 6)));
  }
  std::sort(cards.begin(), cards.end());
  return cards;
}

/// The number that a file holds; 0 where there is no file, or a word ("max").
int64_t number_in(const char* path) {
  int64_t number = 0;
  std::ifstream(path) >> number;
  return number;
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> out;
  for (std::string word; words >> word;) out.push_back(word);
  return out;
}

}  // namespace

std::string cpu_field(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind(key, 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

Machine this_machine() {
  Machine m;
  m.build = fmt::format("weft {}: {}", version(), build_summary());
  m.packages = WEFT_PACKAGES;
  m.processor = cpu_field("model name");
  if (const std::string flags = cpu_field("flags"); flags != "unknown") m.units = split(flags);
  m.needed = needed_units();
  m.threads = CpuContext().threads();
  m.cores = physical_cores();
  m.logical = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  m.memory = machine_bytes();
  m.memory_free = proc_bytes("/proc/meminfo", "MemAvailable", m.memory);
  if (const int64_t most = number_in("/sys/fs/cgroup/memory.max"); most > 0 && most < m.memory) {
    m.memory_limited = true;
    m.memory = most;
    const int64_t left = most - number_in("/sys/fs/cgroup/memory.current");
    m.memory_free = std::clamp<int64_t>(left, 0, m.memory_free);
  }
  std::error_code failed;
  m.folder = fs::current_path(failed).string();
  const fs::space_info space = fs::space(".", failed);
  m.disk_free = failed ? 0 : static_cast<int64_t>(space.available);
  m.writable = access(".", W_OK) == 0;
  m.cuda_built = std::variant_size_v<AnyContext> > 1;
  m.no_cuda = why_no_cuda();
  if (m.no_cuda.empty()) m.gpu = describe_cuda();
  m.cards = nvidia_cards();
  if (const char* data = std::getenv("WEFT_DATA")) m.data = data;
  m.data_there = !m.data.empty() && fs::is_directory(m.data, failed);
  return m;
}

}  // namespace weft::cli
