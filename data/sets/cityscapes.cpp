// CityScapes as AdaShare lays it out; see cityscapes.h.
#include "data/sets/cityscapes.h"

#include "data/sets/label_decode.h"
#include "engine/error.h"
#include "io/files.h"
#include "io/picture_io.h"

namespace weft {
namespace {

const FileWords files_of_sample{{"image", "img"}, {"depth"}, {"label2"}, {"label7"}, {"label19"}};

/// Where in a group the task's file is; 0 where there is none.
int file_of(const TaskSpec& task) {
  if (task.kind == TaskKind::depth) return 1;
  if (task.kind != TaskKind::segmentation) return 0;
  return task.classes == 2 ? 2 : task.classes == 7 ? 3 : task.classes == 19 ? 4 : 0;
}

}  // namespace

CityScapes::CityScapes(const DataSpec& data, std::vector<TaskSpec> tasks)
    : root_(data.root),
      tasks_(std::move(tasks)),
      entries_(read_adashare_index(join_path(data.root, "cityscape.json"), files_of_sample)) {
  for (TaskSpec& task : tasks_) {
    if (file_of(task) == 0) {
      throw ConfigError(fmt::format(
          "task '{}': cityscapes has segmentation of 2, 7 or 19 classes and depth, not {} of {}",
          task.name, name_of(task.kind), task.classes));
    }
    if (task.kind == TaskKind::segmentation && !task.ignore) task.ignore = -1;
  }
}

SampleContents CityScapes::contents(int64_t index) const {
  const std::vector<std::string>& files = entries_[index].files;
  SampleContents out{{join_path(root_, files[0])}, {}};
  for (const TaskSpec& task : tasks_)
    out.label_files.push_back(join_path(root_, files[file_of(task)]));
  return out;
}

Sample CityScapes::load(int64_t index) const {
  const std::vector<std::string>& files = entries_[index].files;
  Sample sample{read_image(join_path(root_, files[0])), {}};
  for (const TaskSpec& task : tasks_) {
    const std::string path = join_path(root_, files[file_of(task)]);
    Picture values = read_label(path, task).values;
    check_label_size(sample.image, files[0], values, path);
    if (task.kind == TaskKind::depth) {
      for (float& depth : values.pixels) depth = depth > 3e-5f ? depth : invalid_pixel;
    }
    sample.labels.push_back(decode_label(std::move(values), task, 0, path));
  }
  return sample;
}

}  // namespace weft
