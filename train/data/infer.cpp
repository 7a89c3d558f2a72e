// A first run file from a CSV index; see infer.h. Names of columns are hints, contents decide.
#include "train/data/infer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "engine/error.h"
#include "train/data/csv.h"
#include "train/data/csv_dataset.h"
#include "train/data/files.h"
#include "train/data/picture_io.h"

namespace weft {
namespace {

constexpr size_t most_files = 100, most_ids = 64;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool has(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return lower(text).find(word) != std::string::npos; });
}

bool is_picture_name(const std::string& cell) {
  const std::string end = lower(std::filesystem::path(cell).extension().string());
  return end == ".png" || end == ".jpg" || end == ".jpeg" || end == ".npy";
}

/// The non-empty cells of a column.
std::vector<std::string> cells_of(const Csv& csv, size_t column) {
  std::vector<std::string> cells;
  for (const auto& row : csv.rows) {
    if (!row[column].empty()) cells.push_back(row[column]);
  }
  return cells;
}

/// At most `most` of them, evenly spread.
std::vector<std::string> spread(const std::vector<std::string>& cells, size_t most) {
  std::vector<std::string> chosen;
  const size_t count = std::min(most, cells.size());
  for (size_t i = 0; i < count; ++i) chosen.push_back(cells[i * cells.size() / count]);
  return chosen;
}

/// Classes from the ids met: 255 beside several others is void; gaps are closed by a map.
std::string choose_classes(const std::set<int>& ids, TaskSpec& task) {
  std::set<int> kept = ids;
  if (kept.count(255) > 0 && kept.size() > 2) {
    task.ignore = 255;
    kept.erase(255);
  }
  const int most = *kept.rbegin();
  if (*kept.begin() >= 0 && most < static_cast<int>(2 * kept.size() + 8)) {
    task.classes = most + 1;
  } else {
    for (int id : kept) task.map[id] = task.classes++;
  }
  return fmt::format("ids {}", fmt::join(ids, " "));
}

std::string choose_dense(const std::string& root, const std::vector<std::string>& cells,
                         TaskSpec& task) {
  const std::string first = join_path(root, cells[0]);
  const PictureInfo info = picture_info(first);
  const std::string type = info.bits == 0 ? "floating point" : fmt::format("{} bit", info.bits);
  const std::string seen = fmt::format("{} files, {} x {} x {}, {}", cells.size(), info.height,
                                       info.width, info.channels, type);
  if (info.channels == 3) {
    task.kind = TaskKind::normals;
    if (info.bits == 8) task.invalid = 255;
    return seen + "; all channels 255 counts as no normal";
  }
  std::set<int> ids;
  bool whole = true;
  float most = 0;
  for (const std::string& cell : spread(cells, most_files)) {
    for (float value : read_values(join_path(root, cell)).pixels) {
      whole &= value == std::floor(value);
      most = std::max(most, value);
      if (whole && ids.size() <= most_ids) ids.insert(static_cast<int>(value));
    }
    if (!whole || ids.size() > most_ids) break;
  }
  const bool edges = has(task.name, {"edge"}), keypoints = has(task.name, {"key", "corner"});
  if (edges || keypoints) {
    task.kind = edges ? TaskKind::edges : TaskKind::keypoints;
    if (info.bits > 0) task.scale = 1.0 / ((1 << std::min(info.bits, 16)) - 1);
    return seen;
  }
  if (whole && ids.size() <= most_ids && !has(task.name, {"depth", "disparity"})) {
    task.kind = TaskKind::segmentation;
    return seen + "; " + choose_classes(ids, task);
  }
  task.kind = TaskKind::depth;
  if (info.bits == 16) task.scale = 0.001;
  task.invalid = 0;
  return fmt::format("{}; largest of those read {:.5g}{}; 0 counts as no measurement", seen, most,
                     info.bits == 16 ? ", taken for millimetres" : "");
}

/// A column of numbers or names; "" where it is no label.
std::string choose_image_label(const std::vector<std::string>& cells, TaskSpec& task) {
  const std::set<std::string> values(cells.begin(), cells.end());
  std::set<int> ids;
  bool numbers = true, whole = true;
  for (const std::string& value : values) {
    const std::optional<double> number = number_of(value);
    numbers &= number.has_value();
    whole &= number && *number == std::floor(*number) && std::abs(*number) < 1e6;
    if (whole) ids.insert(static_cast<int>(*number));
  }
  const bool few =
      values.size() >= 2 && values.size() <= most_ids && 2 * values.size() <= cells.size();
  if (values.size() < 2 || (!numbers && !few)) return "";
  if (numbers && !(whole && few)) {
    task.kind = TaskKind::regression;
    return fmt::format("{} numbers, {} different", cells.size(), values.size());
  }
  if (!numbers || ids != std::set<int>{0, 1}) {
    task.kind = TaskKind::classification;
    if (numbers) return choose_classes(ids, task);
    task.classes = static_cast<int>(values.size());
    return fmt::format("names {}", fmt::join(values, ", "));
  }
  task.kind = TaskKind::binary;
  return "0 and 1";
}

/// A TOML string.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool is_split(const std::vector<std::string>& cells) {
  return !cells.empty() && std::all_of(cells.begin(), cells.end(), [](const std::string& cell) {
    return split_of(cell).has_value();
  });
}

/// The images' own size where all share one, else a common one; at most 320 pixels on a side.
void choose_size(const std::string& root, const std::vector<std::string>& images, DataSpec& data) {
  int height = 0, width = 0;
  bool same = true;
  for (const std::string& image : spread(images, most_files)) {
    const PictureInfo info = picture_info(join_path(root, image));
    same &= height == 0 || (height == info.height && width == info.width);
    if (height == 0 || info.height * info.width < height * width) {
      height = info.height;
      width = info.width;
    }
  }
  const double factor = std::min(1.0, 320.0 / std::max(height, width));
  if (same && factor == 1) {
    data.size = {height, width};
  } else {
    data.size = {std::max(8, static_cast<int>(height * factor) / 8 * 8),
                 std::max(8, static_cast<int>(width * factor) / 8 * 8)};
  }
}

}  // namespace

Inferred infer_tasks(const std::string& folder, const std::string& index) {
  const Csv csv = read_csv(join_path(folder, index));
  Inferred found;
  found.data.kind = "csv";
  found.data.root = folder;
  found.data.index = index;
  // The image column: by its name, else the first whose files have colours.
  int image = -1;
  for (size_t c = 0; c < csv.header.size(); ++c) {
    const std::vector<std::string> cells = cells_of(csv, c);
    if (cells.empty() || !is_picture_name(cells[0])) continue;
    if (has(csv.header[c], {"image", "img", "rgb", "photo", "picture"})) {
      image = static_cast<int>(c);
      break;
    }
    if (image < 0 && picture_info(join_path(folder, cells[0])).channels == 3) {
      image = static_cast<int>(c);
    }
  }
  if (image < 0) {
    throw DataError(
        fmt::format("{}: no column holds paths of images (.png, .jpg, .npy); there are: {}",
                    csv.path, fmt::join(csv.header, ", ")));
  }
  found.data.image = csv.header[image];
  choose_size(folder, cells_of(csv, image), found.data);
  for (size_t c = 0; c < csv.header.size(); ++c) {
    const std::vector<std::string> cells = cells_of(csv, c);
    if (static_cast<int>(c) == image) continue;
    if (is_split(cells)) {
      found.data.split = csv.header[c];
      continue;
    }
    TaskSpec task;
    task.column = csv.header[c];
    for (char letter : task.column) {
      const bool plain = std::isalnum(static_cast<unsigned char>(letter)) || letter == '_';
      task.name += plain ? letter : '_';
    }
    std::string seen;
    if (!cells.empty()) {
      seen = is_picture_name(cells[0]) ? choose_dense(folder, cells, task)
                                       : choose_image_label(cells, task);
    }
    if (seen.empty()) {
      found.notes.push_back(fmt::format("column '{}' is passed over: {}", csv.header[c],
                                        cells.empty() ? "it is empty" : "its values are no label"));
      continue;
    }
    if (cells.size() < csv.rows.size()) {
      seen +=
          fmt::format("; {} of {} rows have none", csv.rows.size() - cells.size(), csv.rows.size());
    }
    found.tasks.push_back(task);
    found.seen.push_back(seen);
  }
  if (found.tasks.empty()) {
    throw DataError(
        fmt::format("{}: no column beside '{}' looks like a label", csv.path, found.data.image));
  }
  if (found.data.split.empty()) found.data.ratio = {0.1, 0.1};
  return found;
}

std::string draft_sections(const Inferred& inferred) {
  const DataSpec& data = inferred.data;
  std::string out = fmt::format("[data]\nkind = \"csv\"\nroot = {}\nindex = {}\nimage = {}\n",
                                quoted(data.root), quoted(data.index), quoted(data.image));
  if (data.split.empty()) {
    out += fmt::format("ratio = [{}, {}]  # shares of val and test, by hash of the path\n",
                       data.ratio[0], data.ratio[1]);
  } else {
    out += fmt::format("split = {}\n", quoted(data.split));
  }
  out += fmt::format("size = [{}, {}]\n", data.size[0], data.size[1]);
  for (const std::string& note : inferred.notes) out += fmt::format("# {}\n", note);
  for (size_t k = 0; k < inferred.tasks.size(); ++k) {
    const TaskSpec& task = inferred.tasks[k];
    out += fmt::format("\n[[task]]  # {}\nname = {}\nkind = {}\n", inferred.seen[k],
                       quoted(task.name), quoted(name_of(task.kind)));
    if (task.column != task.name) out += fmt::format("column = {}\n", quoted(task.column));
    if (task.classes > 0) out += fmt::format("classes = {}\n", task.classes);
    if (task.ignore) out += fmt::format("ignore = {}\n", *task.ignore);
    if (!task.map.empty()) {
      std::vector<std::string> pairs;
      for (const auto& [from, to] : task.map) pairs.push_back(fmt::format("{} = {}", from, to));
      out += fmt::format("map = {{ {} }}\n", fmt::join(pairs, ", "));
    }
    if (task.scale != 1) out += fmt::format("scale = {:.9g}\n", task.scale);
    if (task.invalid) out += fmt::format("invalid = {}\n", *task.invalid);
  }
  return out;
}

}  // namespace weft
