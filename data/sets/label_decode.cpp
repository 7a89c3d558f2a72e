// From files' values to tasks' values; see label_decode.h.
#include "data/sets/label_decode.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "io/files.h"

namespace weft {
namespace {

void check_channels(const Picture& values, int wanted, const TaskSpec& task,
                    const std::string& place) {
  if (values.channels == wanted) return;
  const bool first = values.height == wanted && values.channels > 4;
  throw DataError(
      fmt::format("{}: the label of task '{}' ({}) has {} channels, expected {}{}", place,
                  task.name, name_of(task.kind), values.channels, wanted,
                  first ? "; where channels come first, set data.layout = \"chw\"" : ""));
}

bool is_invalid(float value, const TaskSpec& task) {
  return std::isnan(value) || (task.invalid && value == static_cast<float>(*task.invalid));
}

[[noreturn]] void not_finite(const Picture& values, size_t i, const TaskSpec& task,
                             const std::string& place) {
  const size_t pixel = i / static_cast<size_t>(values.channels);
  const auto width = static_cast<size_t>(values.width);
  throw DataError(fmt::format(
      "{}: task '{}': no float holds the value in row {}, column {} (scale {}); NaN or `invalid` "
      "say that there is no label",
      place, task.name, pixel / width, pixel % width, task.scale));
}

void decode_normals(Picture& values, const TaskSpec& task, int bits, bool any_length,
                    const std::string& place) {
  if (bits != 0 && bits != 8 && bits != 16)
    throw DataError(fmt::format("{}: task '{}': normals are of 8 or 16 bits or floats, not {} bits",
                                place, task.name, bits));
  const float most = bits == 0 ? 0 : bits == 16 ? 65535.0f : 255.0f;
  const float shortest = any_length ? 1e-3f : 0.9f;
  const float longest = any_length ? std::numeric_limits<float>::infinity() : 1.1f;
  for (size_t i = 0; i < values.pixels.size(); i += 3) {
    float* n = values.pixels.data() + i;
    const bool lost = is_invalid(n[0], task) && is_invalid(n[1], task) && is_invalid(n[2], task);
    for (int c = 0; c < 3; ++c)
      if (std::isinf(n[c]) && !lost) not_finite(values, i, task, place);
    if (most > 0) {
      for (int c = 0; c < 3; ++c) n[c] = 2 * n[c] / most - 1;
    }
    const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    const bool valid = !lost && length > shortest && length <= longest;
    for (int c = 0; c < 3; ++c) n[c] = valid ? n[c] / length : invalid_pixel;
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

LabelFile read_label(const std::string& path, const TaskSpec& task, const PictureFormat& format) {
  const std::vector<uint8_t> bytes = read_file(path);
  const PictureInfo info = picture_info(bytes, path, format);
  if (info.lossy)
    throw DataError(fmt::format(
        "{}: the label of task '{}' ({}) is a JPEG, which changes values; save it as PNG", path,
        task.name, name_of(task.kind)));
  if (info.orientation != 1)
    throw DataError(fmt::format(
        "{}: the label of task '{}' has EXIF orientation {}; save it as it is to be seen", path,
        task.name, info.orientation));
  return {decode_values(bytes, path, format), info.bits};
}

void check_label_size(const Picture& image, const std::string& image_path, const Picture& label,
                      const std::string& label_path) {
  // `small` is `large` by one factor, where some factor is within a pixel for height and width.
  const auto fits = [](const Picture& small, const Picture& large) {
    const double h = large.height, w = large.width;
    return std::max((small.height - 1) / h, (small.width - 1) / w) <
           std::min((small.height + 1) / h, (small.width + 1) / w);
  };
  const bool smaller = label.height <= image.height && label.width <= image.width;
  const bool larger = label.height >= image.height && label.width >= image.width;
  if ((smaller && fits(label, image)) || (larger && fits(image, label))) return;
  throw DataError(fmt::format(
      "{}: a label of {} x {} is not the shape of its picture {}, which is {} x {}; a label is of "
      "its picture's size, or larger or smaller by one factor",
      label_path, label.height, label.width, image_path, image.height, image.width));
}

Picture decode_label(Picture values, const TaskSpec& task, int bits, const std::string& place,
                     Semantics semantics) {
  check_channels(values, task.kind == TaskKind::normals ? 3 : 1, task, place);
  if (task.kind == TaskKind::normals) {
    decode_normals(values, task, bits, semantics == Semantics::compat, place);
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
  float least = 0, most = 0;
  for (size_t i = 0; i < values.pixels.size(); ++i) {
    float& value = values.pixels[i];
    value = is_invalid(value, task) ? invalid_pixel : value * scale;
    if (std::isinf(value)) not_finite(values, i, task, place);
    least = std::min(least, std::isnan(value) ? 0 : value);
    most = std::max(most, std::isnan(value) ? 0 : value);
  }
  const bool share = task.kind == TaskKind::edges || task.kind == TaskKind::keypoints;
  if (share && (most > 1.001f || (least < -0.001f && semantics == Semantics::sound))) {
    throw DataError(
        fmt::format("{}: task '{}': {} are 0..1, but the file has {} after scaling; set scale (8 "
                    "bit: 0.00392157)",
                    place, task.name, name_of(task.kind), most > 1.001f ? most : least));
  }
  return values;
}

}  // namespace weft
