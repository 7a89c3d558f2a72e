// From files' values to tasks' values; see label_decode.h.
#include "train/data/label_decode.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace weft {
namespace {

void check_channels(const Picture& values, int wanted, const TaskSpec& task,
                    const std::string& place) {
  if (values.channels == wanted) return;
  throw DataError(fmt::format("{}: the label of task '{}' ({}) has {} channels, expected {}", place,
                              task.name, name_of(task.kind), values.channels, wanted));
}

bool is_invalid(float value, const TaskSpec& task) {
  return !std::isfinite(value) || (task.invalid && value == static_cast<float>(*task.invalid));
}

void decode_normals(Picture& values, const TaskSpec& task, int bits) {
  const float most = bits == 0 ? 0 : bits == 16 ? 65535.0f : 255.0f;
  for (size_t i = 0; i < values.pixels.size(); i += 3) {
    float* n = values.pixels.data() + i;
    const bool lost = is_invalid(n[0], task) && is_invalid(n[1], task) && is_invalid(n[2], task);
    if (most > 0) {
      for (int c = 0; c < 3; ++c) n[c] = 2 * n[c] / most - 1;
    }
    const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    for (int c = 0; c < 3; ++c) n[c] = lost || !(length > 1e-3f) ? invalid_pixel : n[c] / length;
  }
}

}  // namespace

float decode_class(double id, const TaskSpec& task, const std::string& place) {
  if (id != std::floor(id) || std::abs(id) > 1e9) {
    throw DataError(fmt::format("{}: task '{}': {} is no class id", place, task.name, id));
  }
  int number = static_cast<int>(id);
  if (task.ignore == number) return invalid_pixel;
  if (const auto it = task.map.find(number); it != task.map.end()) number = it->second;
  const int classes = task.kind == TaskKind::binary ? 2 : task.classes;
  if (number >= 0 && number < classes) return static_cast<float>(number);
  if (task.ignore == number) return invalid_pixel;  // a map may lead there
  const std::string mapped = number == id ? "" : fmt::format(" (mapped to {})", number);
  throw DataError(
      fmt::format("{}: task '{}': label id {}{} is outside 0..{}; set map, ignore or classes",
                  place, task.name, id, mapped, classes - 1));
}

Picture decode_label(Picture values, const TaskSpec& task, int bits, const std::string& place) {
  check_channels(values, task.kind == TaskKind::normals ? 3 : 1, task, place);
  if (task.kind == TaskKind::normals) {
    decode_normals(values, task, bits);
    return values;
  }
  if (task.kind == TaskKind::segmentation) {
    float last = invalid_pixel, decoded = invalid_pixel;  // ids come in runs
    for (float& value : values.pixels) {
      if (!(value == last)) {
        last = value;
        decoded = is_invalid(value, task) ? invalid_pixel : decode_class(value, task, place);
      }
      value = decoded;
    }
    return values;
  }
  const auto scale = static_cast<float>(task.scale);
  float most = 0;
  for (float& value : values.pixels) {
    value = is_invalid(value, task) ? invalid_pixel : value * scale;
    most = std::max(most, std::isnan(value) ? 0 : value);
  }
  if ((task.kind == TaskKind::edges || task.kind == TaskKind::keypoints) && most > 1.001f) {
    throw DataError(
        fmt::format("{}: task '{}': {} are 0..1, but the file has {} after scaling; set scale (8 "
                    "bit: 0.00392157)",
                    place, task.name, name_of(task.kind), most));
  }
  return values;
}

}  // namespace weft
