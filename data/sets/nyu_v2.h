// NYU v2 as AdaShare lays it out: img/N.png (RGB), seg/N.png (0..39, 255 void), normal_mask/N.png,
// depth/N.npy (metres; <= 3e-5 invalid), and nyu_v2_3task.json with the splits. Without that file
// the folders are listed: every sample is for training, or with split = "all" for val and test too.
// Normals are bytes b with n = b / 127.5 - 1 and 255,255,255 invalid: R = x to the right, G = the
// viewing axis away from the viewer, B = y up (found by comparing with the normals of the depth).
// A length outside 0.9..1.1 is invalid too.
// Compat: AdaShare never decodes them; the target is the raw bytes' direction, in BGR order, and
// one byte of 255 makes a pixel invalid.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sets/adashare_index.h"
#include "data/spec.h"

namespace weft {

class NyuV2 final : public Dataset {
 public:
  /// Tasks of kind segmentation (40 classes), normals and depth; uses data.root and data.split.
  NyuV2(const DataSpec& data, std::vector<TaskSpec> tasks, Semantics semantics);

  int64_t size() const override { return static_cast<int64_t>(entries_.size()); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override { return entries_[index].files[0]; }
  Split split(int64_t index) const override { return entries_[index].split; }
  SampleContents contents(int64_t index) const override;

 private:
  std::string root_;
  std::vector<TaskSpec> tasks_;
  Semantics semantics_;
  std::vector<IndexEntry> entries_;
};

}  // namespace weft
