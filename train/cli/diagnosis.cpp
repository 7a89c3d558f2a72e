// A rule a subject.
#include "train/cli/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft::cli {
namespace {

using enum Finding::Kind;
constexpr int64_t mib = int64_t{1} << 20;

std::string size_text(int64_t bytes) {
  const auto number = static_cast<double>(bytes);
  return bytes < 1024 * mib ? fmt::format("{:.0f} MiB", number / (1 << 20))
                            : fmt::format("{:.1f} GiB", number / (1 << 30));
}

bool holds(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Finding processor(const Machine& m) {
  std::vector<std::string> shown, missing;
  for (const char* unit : {"sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"})
    if (holds(m.units, unit)) shown.emplace_back(unit);
  for (const std::string& unit : m.needed)
    if (!m.units.empty() && !holds(m.units, unit)) missing.push_back(unit);
  const std::string fact = fmt::format(
      "{}, {} cores ({} logical), {} threads by default, {}", m.processor, m.cores, m.logical,
      m.threads, m.units.empty() ? "vector units unknown" : fmt::to_string(fmt::join(shown, " ")));
  if (!missing.empty())
    return {lacks, "processor",
            fmt::format("{}; without {}, which this build needs", fact, fmt::join(missing, ", ")),
            "build weft on this machine, or elsewhere with WEFT_MARCH=x86-64 ./weft"};
  if (!m.units.empty() && !holds(m.units, "avx2"))
    return {note, "processor", fact + "; without AVX2 steps are slow",
            "train on another machine if there is one"};
  return {has, "processor", fact};
}

Finding memory(const Machine& m) {
  const std::string fact =
      fmt::format("{}{}, {} free", size_text(m.memory),
                  m.memory_limited ? " (this container's limit)" : "", size_text(m.memory_free));
  if (m.memory_free >= 1024 * mib) return {has, "memory", fact};
  return {note, "memory", fact,
          "end other programs, or lower data.batch, data.size or model.width; weft train RUN.toml "
          "--dry-run says what a run needs"};
}

Finding disk(const Machine& m) {
  const std::string fact = fmt::format("{} free at {}", size_text(m.disk_free), m.folder);
  if (!m.writable)
    return {note, "disk", fact + ", where nothing can be written",
            "go to a folder of your own, or name one with --out"};
  if (m.disk_free >= 1024 * mib) return {has, "disk", fact};
  return {note, "disk", fact,
          "make room, or name a folder elsewhere with --out; checkpoint.keep=1 keeps one "
          "checkpoint less"};
}

Finding gpu(const Machine& m) {
  if (m.no_cuda.empty()) return {has, "gpu", m.gpu + "; --device cuda runs on it"};
  const std::string cards =
      m.cards.empty() ? "no NVIDIA card in sight" : fmt::to_string(fmt::join(m.cards, ", "));
  const std::string fact = fmt::format("{}; {}", cards, m.no_cuda);
  if (!m.cuda_built)
    return {note, "gpu", fact,
            m.cards.empty()
                ? "nothing: training on the CPU needs none"
                : "install the CUDA toolkit (nvcc 12.1 or later), then cmake -DWEFT_CUDA=ON build, "
                  "then ./weft doctor"};
  if (m.cards.empty())
    return {note, "gpu", fact,
            "nothing, where there is no card; else install NVIDIA's driver, and in a container "
            "pass the card in (docker run --gpus all)"};
  return {note, "gpu", fact,
          "install a newer NVIDIA driver, and see that CUDA_VISIBLE_DEVICES hides no card"};
}

Finding data(const Machine& m) {
  if (m.data.empty()) return {has, "data", "WEFT_DATA is not set; run files name data.root"};
  if (m.data_there) return {has, "data", "WEFT_DATA is " + m.data};
  return {note, "data", fmt::format("WEFT_DATA is {}, which is no folder", m.data),
          "set it to the folder of the data sets"};
}

}  // namespace

std::vector<Finding> diagnose(const Machine& m) {
  return {{has, "build", m.build},
          {has, "packages", m.packages},
          processor(m),
          memory(m),
          disk(m),
          gpu(m),
          data(m)};
}

}  // namespace weft::cli
