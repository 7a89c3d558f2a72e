// A data set that keeps what it has loaded; see cached.h. The lock is held for the look-up only.
#include "data/cached.h"

#include <algorithm>

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

double CachedDataset::kept_share() const {
  if (size() == 0) return 1;
  const auto all = static_cast<double>(bytes_of(load(0))) * static_cast<double>(size());
  return all > 0 ? std::min(1.0, static_cast<double>(most_bytes_) / all) : 1;
}

}  // namespace weft
