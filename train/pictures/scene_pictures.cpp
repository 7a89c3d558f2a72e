// Rooms as files; see scene_pictures.h.
#include "train/pictures/scene_pictures.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "data/scenes/scenes_dataset.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "train/pictures/colour.h"
#include "train/pictures/sheet.h"

namespace weft {

void write_scenes(const std::string& folder, int count, uint64_t seed, int height, int width) {
  make_folder(folder);
  const std::vector<TaskSpec> tasks = all_scene_tasks();
  const ScenesDataset rooms(tasks, seed, height, width, count, 0, 0);
  Sheet sheet{"Rendered rooms and their labels", {"image"}, {}};
  for (const TaskSpec& task : tasks)
    if (!task.image_label()) sheet.columns.push_back(task.name);
  for (int i = 0; i < count; ++i) {
    const Sample sample = rooms.load(i);
    SheetRow row;
    const auto save = [&](const std::string& what, Picture picture) {
      write_png(fmt::format("{}/scene-{:04}-{}.png", folder, i, what), picture);
      row.pictures.push_back(std::move(picture));
    };
    save("image", sample.image);
    for (size_t k = 0; k < tasks.size(); ++k) {
      const float value = sample.labels[k].pixels[0];
      if (tasks[k].kind == TaskKind::classification)
        row.words = scene_room_name(static_cast<int>(value)) + row.words;
      if (tasks[k].kind == TaskKind::binary && value == 1) row.words += ", with something odd";
      if (!tasks[k].image_label())
        save(tasks[k].name, colour_label(tasks[k].kind, sample.labels[k], &sample.image));
    }
    sheet.rows.push_back(std::move(row));
  }
  write_file(folder + "/sheet.svg", draw_sheet(sheet));
}

}  // namespace weft
