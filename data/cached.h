// A data set that keeps what it has loaded, up to a number of bytes, so that decoding and rendering
// happen once and not once an epoch. Samples are pure functions of their index: nothing else
// changes.
#pragma once

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

}  // namespace weft
