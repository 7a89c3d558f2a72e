// The embedded data set; see scenes_dataset.h. Worlds come from room.cpp, pictures and labels from
// render.cpp.
#include "data/scenes/scenes_dataset.h"

#include <algorithm>

#include "data/scenes/render.h"
#include "engine/error.h"

namespace weft {
namespace {

// Scenes of the parts are numbered apart, so that none moves when another part grows.
constexpr uint32_t first_val = 0x40000000, first_test = 0x80000000;

struct Scene {
  scenes::World world;
  scenes::Rendered rendered;
};

Scene make_scene(uint64_t seed, uint32_t number, int height, int width) {
  Scene scene{scenes::build_world(seed, number), {}};
  const Philox noise(seed, Stream::data, number, "scenes.noise");
  scene.rendered = scenes::render(scene.world, height, width, noise);
  return scene;
}

Picture label_of(const Scene& scene, TaskKind kind) {
  switch (kind) {
    case TaskKind::segmentation:
      return scene.rendered.segmentation;
    case TaskKind::normals:
      return scene.rendered.normals;
    case TaskKind::depth:
      return scene.rendered.depth;
    case TaskKind::edges:
      return scene.rendered.edges;
    case TaskKind::keypoints:
      return scene.rendered.keypoints;
    case TaskKind::classification:
      return scalar_picture(static_cast<float>(scene.world.kind));
    case TaskKind::binary:
      return scalar_picture(scene.world.odd ? 1.0f : 0.0f);
    default:
      throw Error("scenes have no regression label");
  }
}

}  // namespace

static_assert(scene_classes == scenes::label_count && scene_rooms == scenes::room_kinds);

const char* scene_class_name(int id) {
  constexpr const char* names[scene_classes] = {"wall", "floor",   "ceiling", "table", "chair",
                                                "sofa", "bed",     "cabinet", "lamp",  "plant",
                                                "ball", "picture", "basin"};
  return names[id];
}

const char* scene_room_name(int id) {
  constexpr const char* names[scene_rooms] = {"kitchen",  "bedroom",     "office",
                                              "bathroom", "living room", "hall"};
  return names[id];
}

std::vector<TaskSpec> all_scene_tasks() {
  std::vector<TaskSpec> tasks;
  for (TaskKind kind : {TaskKind::segmentation, TaskKind::normals, TaskKind::depth, TaskKind::edges,
                        TaskKind::keypoints, TaskKind::classification, TaskKind::binary}) {
    TaskSpec task;
    task.name = task.column = name_of(kind);
    task.kind = kind;
    if (kind == TaskKind::segmentation) task.classes = scene_classes;
    if (kind == TaskKind::classification) task.classes = scene_rooms;
    tasks.push_back(task);
  }
  return tasks;
}

ScenesDataset::ScenesDataset(std::vector<TaskSpec> tasks, uint64_t seed, int height, int width,
                             int64_t train, int64_t val, int64_t test)
    : tasks_(std::move(tasks)),
      seed_(seed),
      height_(height),
      width_(width),
      train_(train),
      val_(val),
      test_(test) {
  if (height < 8 || width < 8) {
    throw ConfigError(fmt::format("scenes: data.size is {} x {}; at least 8 x 8", height, width));
  }
  for (const TaskSpec& task : tasks_) {
    if (task.kind == TaskKind::regression) {
      throw ConfigError(fmt::format("scenes: task '{}': there is no regression label", task.name));
    }
    const int classes = task.kind == TaskKind::segmentation     ? scene_classes
                        : task.kind == TaskKind::classification ? scene_rooms
                                                                : task.classes;
    if (task.classes != classes) {
      throw ConfigError(fmt::format("scenes: task '{}' ({}) has {} classes, not {}", task.name,
                                    name_of(task.kind), classes, task.classes));
    }
  }
}

uint32_t ScenesDataset::number(int64_t index) const {
  if (index < train_) return static_cast<uint32_t>(index);
  if (index < train_ + val_) return static_cast<uint32_t>(first_val + index - train_);
  return static_cast<uint32_t>(first_test + index - train_ - val_);
}

Sample ScenesDataset::load(int64_t index) const {
  Scene scene = make_scene(seed_, number(index), height_, width_);
  Sample sample;
  for (const TaskSpec& task : tasks_) sample.labels.push_back(label_of(scene, task.kind));
  sample.image = std::move(scene.rendered.image);
  return sample;
}

std::string ScenesDataset::key(int64_t index) const {
  return fmt::format("scene-{:08x}", number(index));
}

std::optional<int64_t> ScenesDataset::class_of(int64_t index, size_t task) const {
  const TaskKind kind = tasks_[task].kind;
  if (kind != TaskKind::classification && kind != TaskKind::binary) return std::nullopt;
  const scenes::World world = scenes::build_world(seed_, number(index));
  return kind == TaskKind::binary ? int64_t{world.odd} : static_cast<int64_t>(world.kind);
}

LearnedFromData ScenesDataset::learned() const {
  LearnedFromData out;
  for (const TaskSpec& task : tasks_) {
    LearnedTask& learned = out.tasks.emplace_back();
    learned.name = task.name;
    if (!task.names.empty()) continue;  // the run file's own
    if (task.kind == TaskKind::segmentation)
      for (int c = 0; c < scene_classes; ++c) learned.words.emplace_back(scene_class_name(c));
    if (task.kind == TaskKind::classification)
      for (int c = 0; c < scene_rooms; ++c) learned.words.emplace_back(scene_room_name(c));
    if (task.kind == TaskKind::binary) learned.words = {"ordinary", "odd"};
  }
  return out;
}

Split ScenesDataset::split(int64_t index) const {
  return index < train_ ? Split::train : index < train_ + val_ ? Split::val : Split::test;
}

}  // namespace weft
