// What a data set hands to the loader: pictures in memory and one sample of several tasks.
// Sample.image: RGB 0..1 before normalisation (tabular: 1 x 1 x C; text: 1 x L x 1).
// Sample.labels: one Picture per task in task order; NaN = invalid pixel, empty = label missing.
//   segmentation, classification, binary   class id as a float; image labels are 1 x 1 x C
//   normals                                unit vectors: x right, y up, z towards the viewer
//   depth                                  metres
//   edges, keypoints                       0..1
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/learned.h"
#include "io/picture.h"

namespace weft {

struct Sample {
  Picture image;
  std::vector<Picture> labels;
};

/// weights, policy: training samples whose part the set itself decides; train: weft divides them.
enum class Split : uint8_t { train, weights, policy, val, test };

/// What a set's depth labels are: metres, their inverse, or Taskonomy's log(1 + d) / log(2^16).
enum class DepthUnit : uint8_t { metres, inverse, logarithmic };

/// What a sample is made of, for the set's fingerprint (fingerprint.h).
struct SampleContents {
  std::vector<std::string> image_files, label_files;
  uint64_t inputs = 0, labels = 0;  ///< hashes of what is no file
};

/// A set of samples. load() is const and thread safe: the loader's workers call it at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual Sample load(int64_t index) const = 0;
  /// A stable name, such as the image's relative path: it decides parts and augmentation.
  virtual std::string key(int64_t index) const = 0;
  virtual Split split(int64_t index) const = 0;
  virtual DepthUnit depth_unit() const { return DepthUnit::metres; }
  /// The one task a sample belongs to (DomainNet's domains have images of their own); -1: to all.
  virtual int only_task(int64_t) const { return -1; }
  /// Whether the sample has a label of the task, as far as can be known without reading a picture.
  virtual bool labelled(int64_t index, size_t task) const {
    return only_task(index) < 0 || only_task(index) == static_cast<int>(task);
  }
  /// The class of the whole sample for a task, where it is known without reading a picture;
  /// nullopt: no label, one of another kind, or not known.
  virtual std::optional<int64_t> class_of(int64_t, size_t) const { return std::nullopt; }
  /// The class weights that come with the set for a task's cross-entropy; empty: none.
  virtual std::vector<double> class_weights(size_t) const { return {}; }
  /// Tasks and columns as they were learned, or as the checkpoint says that they were.
  virtual LearnedFromData learned() const { return {}; }
  virtual SampleContents contents(int64_t) const { return {}; }
  /// What a run says of its data as it starts: how they were read, where that is not as they are.
  virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace weft
