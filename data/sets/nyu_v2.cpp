// NYU v2 as AdaShare lays it out; see nyu_v2.h.
#include "data/sets/nyu_v2.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/sets/label_decode.h"
#include "engine/error.h"
#include "io/files.h"
#include "io/picture_io.h"

namespace weft {
namespace {

constexpr const char* index_name = "nyu_v2_3task.json";
const FileWords files_of_sample{{"img", "image", "rgb"}, {"seg"}, {"normal", "normals"}, {"depth"}};

/// The samples that all four folders hold, by name.
std::vector<IndexEntry> list_folders(const std::string& root, bool all) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(join_path(root, "img"), error)) {
    if (file.path().extension() == ".png") names.push_back(file.path().stem().string());
  }
  if (names.empty()) {
    throw DataError(
        fmt::format("{}: has neither {} nor a folder img with .png files", root, index_name));
  }
  std::sort(names.begin(), names.end());
  std::vector<IndexEntry> entries;
  for (const Split split : {Split::train, Split::val, Split::test}) {
    if (split != Split::train && !all) break;
    for (const std::string& name : names) {
      entries.push_back({{"img/" + name + ".png", "seg/" + name + ".png",
                          "normal_mask/" + name + ".png", "depth/" + name + ".npy"},
                         split});
    }
  }
  return entries;
}

/// Where in a group the task's file is.
size_t file_of(TaskKind kind) {
  return kind == TaskKind::segmentation ? 1 : kind == TaskKind::normals ? 2 : 3;
}

Picture decode_normals(const Picture& bytes, Semantics semantics, const std::string& path) {
  if (bytes.channels != 3) {
    throw DataError(fmt::format("{}: normals have 3 channels, not {}", path, bytes.channels));
  }
  Picture normals(bytes.height, bytes.width, 3);
  for (size_t i = 0; i < bytes.pixels.size(); i += 3) {
    const float r = bytes.pixels[i], g = bytes.pixels[i + 1], b = bytes.pixels[i + 2];
    float n[3] = {r / 127.5f - 1, b / 127.5f - 1, 1 - g / 127.5f};
    bool valid = std::min({r, g, b}) < 255;
    if (semantics == Semantics::compat) {
      n[0] = b;
      n[1] = g;
      n[2] = r;
      valid = std::max({r, g, b}) < 255;
    }
    const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    valid &= semantics == Semantics::compat ? length > 1e-3f : length > 0.9f && length <= 1.1f;
    for (int c = 0; c < 3; ++c) normals.pixels[i + c] = valid ? n[c] / length : invalid_pixel;
  }
  return normals;
}

}  // namespace

NyuV2::NyuV2(const DataSpec& data, std::vector<TaskSpec> tasks, Semantics semantics)
    : root_(data.root), tasks_(std::move(tasks)), semantics_(semantics) {
  for (TaskSpec& task : tasks_) {
    if (task.kind != TaskKind::segmentation && task.kind != TaskKind::normals &&
        task.kind != TaskKind::depth) {
      throw ConfigError(fmt::format("task '{}': nyu_v2 has segmentation, normals and depth, not {}",
                                    task.name, name_of(task.kind)));
    }
    if (task.kind == TaskKind::segmentation && !task.ignore) task.ignore = 255;
  }
  const std::string index = join_path(root_, index_name);
  std::error_code ignored;
  entries_ = std::filesystem::exists(index, ignored) ? read_adashare_index(index, files_of_sample)
                                                     : list_folders(root_, data.split == "all");
}

SampleContents NyuV2::contents(int64_t index) const {
  return contents_of(root_, entries_[index], tasks_, file_of);
}

Sample NyuV2::load(int64_t index) const {
  const std::vector<std::string>& files = entries_[index].files;
  Sample sample{read_image(join_path(root_, files[0])), {}};
  for (const TaskSpec& task : tasks_) {
    const std::string path = join_path(root_, files[file_of(task.kind)]);
    Picture values = read_label(path, task).values;
    check_label_size(sample.image, files[0], values, path);
    if (task.kind == TaskKind::normals) {
      sample.labels.push_back(decode_normals(values, semantics_, path));
      continue;
    }
    if (task.kind == TaskKind::depth) {
      for (float& depth : values.pixels) depth = depth > 3e-5f ? depth : invalid_pixel;
    }
    sample.labels.push_back(decode_label(std::move(values), task, 8, path));
  }
  return sample;
}

}  // namespace weft
