// A data set that keeps what it has loaded; see cached.h. The lock is held for the look-up only.
#include "data/cached.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "engine/error.h"
#include "engine/machine_memory.h"

namespace weft {
namespace {

size_t bytes_of(const Sample& sample) {
  size_t numbers = sample.image.pixels.size();
  for (const Picture& label : sample.labels) numbers += label.pixels.size();
  return numbers * sizeof(float);
}

}  // namespace

CachedDataset::CachedDataset(std::unique_ptr<Dataset> inner, size_t most_bytes)
    : inner_(std::move(inner)), most_bytes_(most_bytes), kept_(inner_->size()) {}

Sample CachedDataset::load(int64_t index) const {
  std::shared_ptr<const Sample> kept;
  {
    const std::lock_guard lock(mutex_);
    kept = kept_[index];
  }
  if (kept) return *kept;
  Sample sample = inner_->load(index);
  const size_t bytes = bytes_of(sample);
  const std::lock_guard lock(mutex_);
  if (!kept_[index] && bytes_ + bytes <= most_bytes_) {
    kept_[index] = std::make_shared<const Sample>(sample);
    bytes_ += bytes;
  }
  return sample;
}

size_t CachedDataset::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

int64_t cache_bytes(int64_t available, size_t runs) {
  constexpr int64_t least = int64_t{512} << 20, most = int64_t{2} << 30;
  return std::min(std::clamp(available / 16, least, most),
                  available / 4 / static_cast<int64_t>(runs));
}

int64_t cache_bytes_here(size_t runs) {
  const char* const asked = std::getenv("WEFT_CACHE_MIB");
  if (asked == nullptr)
    return cache_bytes(proc_bytes("/proc/meminfo", "MemAvailable", int64_t{8} << 30), runs);
  int64_t mib = -1;
  const char* const end = asked + std::strlen(asked);
  const auto [stop, error] = std::from_chars(asked, end, mib);
  if (error != std::errc() || stop != end || mib < 0 || mib > int64_t{1} << 30)
    throw ConfigError(fmt::format(
        "WEFT_CACHE_MIB is \"{}\", but a number of MiB for decoded samples is expected", asked));
  return mib << 20;
}

double CachedDataset::kept_share() const {
  if (size() == 0) return 1;
  const auto all = static_cast<double>(bytes_of(load(0))) * static_cast<double>(size());
  return all > 0 ? std::min(1.0, static_cast<double>(most_bytes_) / all) : 1;
}

}  // namespace weft
