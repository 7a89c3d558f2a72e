// CityScapes as AdaShare (and MTAN) lay it out: cityscape.json lists groups [image, depth, label2,
// label7, label19] of .npy files; images H x W x 3 in 0..1, labels with -1 = void, depth inverse
// (disparity, 0 = none). A segmentation task takes the labels of its number of classes: 2, 7 or 19.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sets/adashare_index.h"
#include "data/spec.h"

namespace weft {

class CityScapes final : public Dataset {
 public:
  CityScapes(const DataSpec& data, std::vector<TaskSpec> tasks);

  int64_t size() const override { return static_cast<int64_t>(entries_.size()); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override { return entries_[index].files[0]; }
  Split split(int64_t index) const override { return entries_[index].split; }
  SampleContents contents(int64_t index) const override;
  DepthUnit depth_unit() const override { return DepthUnit::inverse; }

 private:
  std::string root_;
  std::vector<TaskSpec> tasks_;
  std::vector<IndexEntry> entries_;
};

}  // namespace weft
