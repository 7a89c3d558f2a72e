// Rooms as PNG files; see scene_pictures.h.
#include "train/pictures/scene_pictures.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "data/scenes/scenes_dataset.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "train/pictures/colour.h"

namespace weft {

void write_scenes(const std::string& folder, int count, uint64_t seed, int height, int width) {
  make_folder(folder);
  const std::vector<TaskSpec> tasks = all_scene_tasks();
  const ScenesDataset rooms(tasks, seed, height, width, count, 0, 0);
  std::vector<SheetCell> cells;
  int columns = 1;
  for (const TaskSpec& task : tasks) columns += !task.image_label();
  for (int i = 0; i < count; ++i) {
    const Sample sample = rooms.load(i);
    const auto save = [&](const std::string& what, const Picture& picture, std::string caption) {
      write_png(fmt::format("{}/scene-{:04}-{}.png", folder, i, what), picture);
      cells.push_back({picture, std::move(caption)});
    };
    std::string room;
    for (size_t k = 0; k < tasks.size(); ++k) {
      const float value = sample.labels[k].pixels[0];
      if (tasks[k].kind == TaskKind::classification)
        room = scene_room_name(static_cast<int>(value)) + room;
      if (tasks[k].kind == TaskKind::binary && value == 1) room += ", odd";
    }
    save("image", sample.image, room);
    for (size_t k = 0; k < tasks.size(); ++k) {
      if (tasks[k].image_label()) continue;
      save(tasks[k].name, colour_label(tasks[k].kind, sample.labels[k], &sample.image),
           i == 0 ? tasks[k].name : "");
    }
  }
  write_png(folder + "/sheet.png", contact_sheet(cells, columns));
}

}  // namespace weft
