// The embedded data set: procedurally built rooms, ray cast on the fly from (seed, number), nothing
// on disk. Labels are exact: segmentation (13 classes), normals, depth, edges, keypoints, and two
// for the whole image: classification = the kind of room (6), binary = something odd hangs in the
// air (5 %). A held-out scene stays the same whatever the number of training scenes.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/spec.h"

namespace weft {

inline constexpr int scene_classes = 13;
inline constexpr int scene_rooms = 6;
const char* scene_class_name(int id);
const char* scene_room_name(int id);

/// A kind that scenes can label, with its channels right: name, kind, classes.
std::vector<TaskSpec> all_scene_tasks();

class ScenesDataset final : public Dataset {
 public:
  /// A task of a kind without a label here, or with another number of classes, is a ConfigError.
  ScenesDataset(std::vector<TaskSpec> tasks, uint64_t seed, int height, int width, int64_t train,
                int64_t val, int64_t test);

  int64_t size() const override { return train_ + val_ + test_; }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override;
  Split split(int64_t index) const override;
  std::optional<int64_t> class_of(int64_t index, size_t task) const override;
  /// The names of the classes.
  LearnedFromData learned() const override;

 private:
  uint32_t number(int64_t index) const;

  std::vector<TaskSpec> tasks_;
  uint64_t seed_;
  int height_, width_;
  int64_t train_, val_, test_;
};

}  // namespace weft
