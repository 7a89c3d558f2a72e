// Tiny-Taskonomy as AdaShare lays it out; see taskonomy.h.
#include "data/sets/taskonomy.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/sets/label_decode.h"
#include "engine/error.h"
#include "io/files.h"
#include "io/picture_io.h"

namespace weft {
namespace {

constexpr int classes = 17;
const FileWords files_of_sample{
    {"rgb"}, {"seg", "segment"}, {"sn", "normal"}, {"depth"}, {"key", "keypoint", "keypoints2d"},
    {"edge"}};

/// Where in a group the task's file is; 0 where there is none.
size_t file_of(TaskKind kind) {
  switch (kind) {
    case TaskKind::segmentation:
      return 1;
    case TaskKind::normals:
      return 2;
    case TaskKind::depth:
      return 3;
    case TaskKind::keypoints:
      return 4;
    case TaskKind::edges:
      return 5;
    default:
      return 0;
  }
}

/// Raw values to the task's, one channel.
float decode(float value, TaskKind kind, Semantics semantics) {
  if (kind == TaskKind::segmentation) return std::max(value, 1.0f) - 1;
  if (kind == TaskKind::depth) {
    return value < 64500 ? std::log1p(value) / (16 * std::log(2.0f)) : invalid_pixel;
  }
  const float most = kind == TaskKind::keypoints ? 0.005f : 0.08f;
  const float share = std::min(value / 65536, most) / most;
  return semantics == Semantics::compat ? 2 * share - 1 : share;
}

}  // namespace

Taskonomy::Taskonomy(const DataSpec& data, std::vector<TaskSpec> tasks, Semantics semantics)
    : root_(data.root),
      tasks_(std::move(tasks)),
      semantics_(semantics),
      entries_(read_adashare_index(join_path(data.root, "taskonomy.json"), files_of_sample)) {
  for (const TaskSpec& task : tasks_) {
    const bool fits = task.kind != TaskKind::segmentation || task.classes == classes;
    if (file_of(task.kind) == 0 || !fits) {
      throw ConfigError(fmt::format(
          "task '{}': taskonomy has segmentation of 17 classes, normals, depth, keypoints and "
          "edges, not {} of {}",
          task.name, name_of(task.kind), task.classes));
    }
  }
  const std::string weights = join_path(root_, "semseg_prior_factor.npy");
  std::error_code ignored;
  if (std::filesystem::exists(weights, ignored)) {
    const Picture values = read_values(weights);
    if (values.pixels.size() != classes) {
      throw DataError(
          fmt::format("{}: holds {} weights, expected 17", weights, values.pixels.size()));
    }
    for (const float weight : values.pixels)
      if (!(weight >= 0 && std::isfinite(weight)))
        throw DataError(
            fmt::format("{}: holds {}; a weight is finite and at least 0", weights, weight));
    class_weights_.assign(values.pixels.begin(), values.pixels.end());
  }
}

SampleContents Taskonomy::contents(int64_t index) const {
  return contents_of(root_, entries_[index], tasks_, file_of);
}

Sample Taskonomy::load(int64_t index) const {
  const std::vector<std::string>& files = entries_[index].files;
  Sample sample{read_image(join_path(root_, files[0])), {}};
  for (const TaskSpec& task : tasks_) {
    const std::string path = join_path(root_, files[file_of(task.kind)]);
    Picture values = read_label(path, task).values;
    check_label_size(sample.image, files[0], values, path);
    if (task.kind != TaskKind::normals) {
      for (float& value : values.pixels) value = decode(value, task.kind, semantics_);
    }
    sample.labels.push_back(decode_label(std::move(values), task, 8, path, semantics_));
  }
  return sample;
}

}  // namespace weft
