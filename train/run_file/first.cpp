// Of pictures: a 16-bit PNG is depth in millimetres, an 8-bit one of one channel segmentation, three
// channels or an npy of three normals, another npy depth in metres; cells as first_guess.h says.
#include "train/run_file/first.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/error.h"
#include "io/csv.h"
#include "io/csv_text.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "train/run_file/first_guess.h"
#include "train/run_file/first_table.h"
#include "train/run_file/toml/values.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr size_t looked_at = 16;   // label files opened per column
constexpr int small_picture = 40;  // of this extent or less a large stem leaves too few pixels

std::string find_index(const std::string& data) {
  if (!fs::is_directory(data)) return data;
  const fs::path index = fs::path(data) / "index.csv";
  if (fs::exists(index)) return index.string();
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(data)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".csv") || name.ends_with(".csv.gz")) found.push_back(entry.path().string());
  }
  if (found.size() == 1) return found[0];
  throw DataError(fmt::format("{}: {} and no index.csv; --data names the index", data,
                              found.empty() ? "no CSV file" : "several CSV files"));
}

bool is_picture(const std::string& cell) {
  std::string extension = fs::path(cell).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".npy";
}

std::vector<std::string> cells(const Csv& csv, size_t column) {
  std::vector<std::string> cells;
  for (const auto& row : csv.rows) {
    if (!row[column].empty()) cells.push_back(row[column]);
  }
  return cells;
}

/// Whether most of a column's cells are pictures; a text may end in a picture's address.
bool names_pictures(const Csv& csv) {
  for (size_t column = 0; column < csv.header.size(); ++column) {
    const std::vector<std::string> all = cells(csv, column);
    const auto pictures = std::count_if(all.begin(), all.end(), is_picture);
    if (2 * static_cast<size_t>(pictures) > all.size()) return true;
  }
  return false;
}

/// "pixels (in 16 files; 412 of 500 images have one)"
std::string pixels_of(size_t files, size_t rows, size_t opened) {
  return fmt::format("pixels (in {} files; {} of {} images have one)", opened, files, rows);
}

/// `scale`: of the values, to the task's unit; `invalid`: what counts as none.
std::string remark_on_pixels(const std::string& folder, const std::vector<std::string>& files,
                             size_t rows, double scale, std::optional<float> invalid) {
  std::vector<double> values;
  const size_t opened = std::min(files.size(), looked_at);
  for (size_t i = 0; i < opened; ++i)
    for (const float value : read_values(join_path(folder, files[i])).pixels)
      if (std::isfinite(value) && value != invalid) values.push_back(value * scale);
  return values.empty()
             ? ""
             : remark_on_numbers(values, values.size(), pixels_of(files.size(), rows, opened));
}

Guess picture_task(const std::string& folder, const std::vector<std::string>& files, size_t rows) {
  const PictureInfo info = picture_info(join_path(folder, files[0]));
  if (info.lossy) return {"", "holds JPEG files, which change a label's values", ""};
  const std::string count = fmt::format("{} of {} images have it", files.size(), rows);
  if (info.channels == 3) return {"kind = \"normals\"\n", "", count};
  if (info.channels != 1) return {"", fmt::format("holds files of {} channels", info.channels), ""};
  if (info.bits == 0)
    return {"kind = \"depth\"  # or edges, keypoints; in metres\n", "",
            remark_on_pixels(folder, files, rows, 1, {})};
  if (info.bits == 16) {
    return {
        "kind = \"depth\"  # 16 bit: taken as millimetres, 0 = not measured\n"
        "scale = 0.001\ninvalid = 0\n",
        "", remark_on_pixels(folder, files, rows, 0.001, 0)};
  }
  std::map<int, size_t> ids;
  const size_t opened = std::min(files.size(), looked_at);
  for (size_t i = 0; i < opened; ++i) {
    for (float value : read_values(join_path(folder, files[i])).pixels) {
      if (std::abs(value) < 1e6f) ++ids[static_cast<int>(value)];
    }
  }
  if (ids.empty() || ids.size() > 128)
    return {"kind = \"depth\"  # or edges, keypoints: many gray values\n", "",
            remark_on_pixels(folder, files, rows, 1, {})};
  std::set<int> all;
  std::map<std::string, size_t> counts;
  for (const auto& [id, count] : ids) all.insert(id);
  const std::string keys = class_keys(all);
  const bool no_255 = keys.find("ignore = 255") != std::string::npos;
  size_t pixels = 0;
  for (const auto& [id, count] : ids)
    if (id != 255 || !no_255) counts[std::to_string(id)] = count, pixels += count;
  return {fmt::format("kind = \"segmentation\"  # ids seen in {} files: {}\n{}", opened,
                      fmt::join(all, " "), keys),
          "", remark_on_classes(counts, pixels, pixels_of(files.size(), rows, opened))};
}

Guess task_of(const std::string& folder, const std::vector<std::string>& cells, size_t rows) {
  return is_picture(cells[0]) ? picture_task(folder, cells, rows)
                              : guess_cells(cells, /*most=*/100, rows);
}

/// ": why, why", or nothing.
std::string reasons(const std::vector<std::string>& no_labels) {
  return no_labels.empty() ? "" : fmt::format(": {}", fmt::join(no_labels, ", "));
}

/// Height and width of the first image, halved until it is quick to train on, in eights.
std::pair<int, int> training_size(const PictureInfo& image) {
  double scale = 1;
  while (std::min(image.height, image.width) * scale > 160) scale /= 2;
  const auto eights = [&](int extent) {
    return std::max(32, static_cast<int>(extent * scale / 8) * 8);
  };
  return {eights(image.height), eights(image.width)};
}

}  // namespace

std::string plain_run_name(const std::string& name) {
  std::string out;
  for (const char c : plain_text(name, "-_.", '-'))
    if (c != '-' || (!out.empty() && out.back() != '-')) out += c;
  while (!out.empty() && (out.back() == '-' || out.back() == '.')) out.pop_back();
  out.erase(0, out.find_first_not_of(".-"));
  return out.empty() ? "data" : out;
}

FirstRunFile first_run_file(const std::string& data, const std::string& name,
                            const std::vector<std::string>& tasks_named) {
  const std::string index = find_index(data);
  if (!is_utf8(index))
    throw DataError(fmt::format("{}: a run file holds UTF-8, which this name is not", index));
  const Csv csv = read_csv(index);
  const std::string folder = fs::path(index).parent_path().string();
  if (csv.rows.empty()) throw DataError(fmt::format("{}: it has no rows", index));
  if (!names_pictures(csv)) return first_table_run_file(csv, plain_run_name(name), tasks_named);
  for (const std::string& task : tasks_named) {
    csv.column(task);
    if (std::count(tasks_named.begin(), tasks_named.end(), task) > 1)
      throw ConfigError(fmt::format("--task: '{}' is named twice", task));
  }
  const auto named = [&](const std::string& title) {
    return std::find(tasks_named.begin(), tasks_named.end(), title) != tasks_named.end();
  };
  const auto no_label = [&](const std::string& title, const std::string& why) {
    if (named(title))
      throw DataError(fmt::format("{}: column '{}' {}, and is no label", index, title, why));
  };

  FirstRunFile out;
  if (tasks_named.empty()) out.why_tasks = "every column that holds labels";
  int image = -1, split = -1;
  std::string tasks, left_out;
  std::set<std::string> names;
  std::vector<std::string> no_labels;
  for (size_t column = 0; column < csv.header.size(); ++column) {
    const std::string& title = csv.header[column];
    const std::vector<std::string> values = cells(csv, column);
    if (values.empty()) {
      no_label(title, "is empty");
    } else if (title == "split") {
      no_label(title, "says which rows are for training");
      split = static_cast<int>(column);
    } else if (image < 0 && is_picture(values[0])) {
      no_label(title, "names the images");
      image = static_cast<int>(column);
      out.inputs.push_back(title);
    } else if (!tasks_named.empty() && !named(title)) {
      left_out += fmt::format("# column {} is none of --task: left out\n", toml_string(title));
      out.left_out.push_back(title);
    } else if (const Guess guess = task_of(folder, values, csv.rows.size());
               guess.no_task.empty()) {
      tasks += fmt::format("\n[[task]]\n{}name = \"{}\"\ncolumn = {}\n{}",
                           guess.labels.empty() ? "" : "# " + guess.labels + "\n",
                           first_task_name(title, names), toml_string(title), guess.keys);
      out.remarks.push_back(guess.labels);
    } else {
      no_label(title, guess.no_task);
      no_labels.push_back(fmt::format("column '{}' {}", title, guess.no_task));
      left_out += fmt::format("# column {} {}: left out\n", toml_string(title), guess.no_task);
      out.left_out.push_back(title);
    }
  }
  if (image < 0) throw DataError(fmt::format("{}: no column names image files", index));
  const PictureInfo info = picture_info(join_path(folder, cells(csv, image)[0]));
  if (tasks.empty())
    throw DataError(fmt::format("{}: no column is a label{}", index, reasons(no_labels)));
  const auto [height, width] = training_size(info);
  std::string& text = out.text;
  text = fmt::format(
      "# A first run file, guessed from {}: check each task's kind and classes.\n"
      "name = {}\nseed = 1\nsharing = \"adashare\"\n\n"
      "[model]\ntrunk = \"resnet18\"\n{}width = 0.25\nhead_width = 64\n\n"
      "[data]\nkind = \"csv\"\n{}image = {}\n",
      toml_string(index), toml_string(plain_run_name(name)),
      std::max(info.height, info.width) <= small_picture
          ? "stem = \"small\"  # for small pictures: without the first stride and the pool\n"
          : "",
      root_and_index(index), toml_string(csv.header[image]));
  text += split >= 0 ? "split = \"split\"\n" : "ratio = [0.1, 0.1]\n";
  text += fmt::format("size = [{}, {}]  # images: {} x {}\nbatch = {}\n", height, width,
                      info.height, info.width, std::clamp<size_t>(csv.rows.size() / 8, 2, 8));
  text += left_out + tasks;
  text +=
      "\n[warmup]\nsteps = 300\n\n[policy]\nsteps = 400\nweight_steps = 16\nlogit_steps = 4\n"
      "curriculum_speed = 1\n\n[retrain]\nsteps = 300\n\n[eval]\nevery = 100\n";
  return out;
}

}  // namespace weft
