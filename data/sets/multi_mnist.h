// Multi-MNIST and its relatives (Sener and Koltun, 2018): two 28 x 28 images on 36 x 36, one at the
// top left, one at the bottom right, the pixelwise maximum where they overlap. One channel, 0..1.
// Task "left" names the class at the top left, "right" the one at the bottom right.
// Pairs are fixed by Philox of (seed, split): image i sits at the top left of sample i, and each
// image is once at the bottom right. A tenth of the training images is the validation part, at both
// places: none of them is in a picture that is trained on, nor the other way round.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/spec.h"
#include "io/idx.h"

namespace weft {

class MultiMnist final : public Dataset {
 public:
  /// The folders hold train-images-idx3-ubyte.gz and its three siblings (or without .gz); they may
  /// be the same. A task's column (or name) is left or right; anything else is a ConfigError.
  MultiMnist(const std::string& left_folder, const std::string& right_folder,
             const std::vector<TaskSpec>& tasks, uint64_t seed);

  int64_t size() const override { return train_.left.count() + test_.left.count(); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override;
  SampleContents contents(int64_t index) const override;
  std::optional<int64_t> class_of(int64_t index, size_t task) const override;
  Split split(int64_t index) const override {
    return index < train_.left.count() ? splits_[static_cast<size_t>(index)] : Split::test;
  }

 private:
  struct Half {
    Idx left, left_labels, right, right_labels;
    std::vector<int64_t> partner;  ///< of each left image, a right one
  };

  static Half read_half(const std::string& left_folder, const std::string& right_folder,
                        const std::string& name);

  Half train_, test_;
  std::vector<Split> splits_;  ///< of the training images, wherever they sit
  std::vector<bool> task_is_left_;
};

}  // namespace weft
