// A data set that keeps what it has loaded, up to a number of bytes, so that decoding and rendering
// happen once and not once an epoch. Samples are pure functions of their index: nothing else
// changes.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "data/dataset.h"

namespace weft {

class CachedDataset final : public Dataset {
 public:
  CachedDataset(std::unique_ptr<Dataset> inner, size_t most_bytes);

  int64_t size() const override { return inner_->size(); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override { return inner_->key(index); }
  Split split(int64_t index) const override { return inner_->split(index); }
  DepthUnit depth_unit() const override { return inner_->depth_unit(); }
  int only_task(int64_t index) const override { return inner_->only_task(index); }
  bool labelled(int64_t index, size_t task) const override { return inner_->labelled(index, task); }
  std::optional<int64_t> class_of(int64_t index, size_t task) const override {
    return inner_->class_of(index, task);
  }
  std::vector<double> class_weights(size_t task) const override {
    return inner_->class_weights(task);
  }
  LearnedFromData learned() const override { return inner_->learned(); }
  SampleContents contents(int64_t index) const override { return inner_->contents(index); }
  std::vector<std::string> notes() const override { return inner_->notes(); }
  /// What the kept samples take.
  size_t bytes() const;
  /// Of all samples, how many it will keep, reckoned by the first one's size.
  double kept_share() const;

 private:
  std::unique_ptr<Dataset> inner_;
  size_t most_bytes_;
  mutable std::mutex mutex_;
  mutable size_t bytes_ = 0;
  mutable std::vector<std::shared_ptr<const Sample>> kept_;
};

/// What decoded samples may take in each of `runs` side by side, in bytes: a 16th of the `available`
/// memory within 512 MiB and 2 GiB (NYU v2's 1449 rooms with three labels), but all of them together
/// no more than a quarter of it.
int64_t cache_bytes(int64_t available, size_t runs = 1);
/// The same of the memory that there is now; or MiB by the variable WEFT_CACHE_MIB, by which a study
/// gives each of its cells an equal share. ConfigError where that is no number from 0 to 2^30.
int64_t cache_bytes_here(size_t runs = 1);

}  // namespace weft
