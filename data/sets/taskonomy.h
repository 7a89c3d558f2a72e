// Tiny-Taskonomy as AdaShare lays it out: taskonomy.json lists groups [image, segmentation,
// normals, depth, keypoints, edges] of PNG files (test_small is the validation part), and
// semseg_prior_factor.npy holds the 17 class weights of the segmentation.
//   segmentation: ids 0..17; 0 joins 1, then ids count from 0: 17 classes, 0 = background
//   normals: n = b / 127.5 - 1, RGB = xyz;   depth: log(1 + d) / log(2^16), d >= 64500 invalid
//   keypoints: min(v / 2^16, 0.005) / 0.005; edges: min(v / 2^16, 0.08) / 0.08
// Compat: AdaShare stretches the last two to -1..1.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sets/adashare_index.h"
#include "data/spec.h"

namespace weft {

class Taskonomy final : public Dataset {
 public:
  Taskonomy(const DataSpec& data, std::vector<TaskSpec> tasks, Semantics semantics);

  int64_t size() const override { return static_cast<int64_t>(entries_.size()); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override { return entries_[index].files[0]; }
  Split split(int64_t index) const override { return entries_[index].split; }
  SampleContents contents(int64_t index) const override;
  DepthUnit depth_unit() const override { return DepthUnit::logarithmic; }

  /// The segmentation's, where the file is there.
  std::vector<double> class_weights(size_t task) const override {
    return tasks_[task].kind == TaskKind::segmentation ? class_weights_ : std::vector<double>{};
  }

 private:
  std::string root_;
  std::vector<TaskSpec> tasks_;
  Semantics semantics_;
  std::vector<IndexEntry> entries_;
  std::vector<double> class_weights_;
};

}  // namespace weft
