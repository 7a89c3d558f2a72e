// Guesses: a 16-bit PNG is depth in millimetres, an 8-bit one of one channel segmentation, three
// channels or an npy of three normals, another npy depth in metres; cells of whole numbers are
// classes, other numbers regression; other text is left out.
#include "train/run_file/first.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <vector>

#include "data/sets/cells.h"
#include "engine/error.h"
#include "io/csv.h"
#include "io/csv_text.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "train/run_file/run_file.h"
#include "train/run_file/toml/values.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr size_t looked_at = 16;  // label files opened per column

std::string find_index(const std::string& data) {
  if (!fs::is_directory(data)) return data;
  const fs::path index = fs::path(data) / "index.csv";
  if (fs::exists(index)) return index.string();
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(data)) {
    if (entry.path().extension() == ".csv") found.push_back(entry.path().string());
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

/// The share of samples that have this label, where it is not all of them.
std::string missing_note(const Csv& csv, const std::vector<std::string>& cells) {
  if (cells.size() == csv.rows.size()) return "";
  return fmt::format("# {} of {} images have this label\n", cells.size(), csv.rows.size());
}

/// The keys of a segmentation or class task with these ids.
std::string class_keys(const std::set<int>& ids) {
  std::string map;
  int next = 0;
  for (int id : ids) map += fmt::format("{}{} = {}", next ? ", " : "", id, next), ++next;
  const int last = *ids.rbegin();
  if (last == next - 1 && *ids.begin() == 0)
    return fmt::format("classes = {}\n", std::max(next, 2));
  if (last == 255 && ids.size() > 2 && *ids.begin() >= 0) {  // 255 beside small ids: void
    return fmt::format("classes = {}\nignore = 255\n", *std::prev(ids.end(), 2) + 1);
  }
  if (*ids.begin() >= 0 && last < 64) return fmt::format("classes = {}\n", last + 1);
  return fmt::format("classes = {}\nmap = {{{}}}\n", std::max(next, 2), map);
}

/// What a column turned out to be: the keys of its task, or why it is none.
struct Guess {
  std::string keys, no_task;
};

Guess picture_task(const std::string& folder, const std::vector<std::string>& files) {
  const PictureInfo info = picture_info(join_path(folder, files[0]));
  if (info.lossy) return {"", "holds JPEG files, which change a label's values"};
  if (info.channels == 3) return {"kind = \"normals\"\n", ""};
  if (info.channels != 1) return {"", fmt::format("holds files of {} channels", info.channels)};
  if (info.bits == 0) return {"kind = \"depth\"  # or edges, keypoints; in metres\n", ""};
  if (info.bits == 16) {
    return {
        "kind = \"depth\"  # 16 bit: taken as millimetres, 0 = not measured\n"
        "scale = 0.001\ninvalid = 0\n",
        ""};
  }
  std::set<int> ids;
  for (size_t i = 0; i < std::min(files.size(), looked_at); ++i) {
    for (float value : read_values(join_path(folder, files[i])).pixels) {
      if (std::abs(value) < 1e6f) ids.insert(static_cast<int>(value));
    }
  }
  if (ids.empty() || ids.size() > 128)
    return {"kind = \"depth\"  # or edges, keypoints: many gray values\n", ""};
  return {fmt::format("kind = \"segmentation\"  # ids seen in {} files: {}\n{}",
                      std::min(files.size(), looked_at), fmt::join(ids, " "), class_keys(ids)),
          ""};
}

Guess task_of(const std::string& folder, const std::vector<std::string>& cells) {
  if (is_picture(cells[0])) return picture_task(folder, cells);
  std::set<int> ids;
  bool whole = true, truths = true;
  for (const std::string& cell : cells) {
    const auto value = number_or_truth(cell);
    if (!value) return {"", "is neither files nor numbers"};
    truths &= !number_of(cell);
    whole = whole && *value == std::floor(*value) && std::abs(*value) < 1e6;
    if (whole) ids.insert(static_cast<int>(*value));
  }
  if (truths || ids == std::set<int>{0, 1}) return {"kind = \"binary\"\n", ""};
  if (!whole || ids.size() > 100) return {"kind = \"regression\"\n", ""};
  return {"kind = \"classification\"\n" + class_keys(ids), ""};
}

/// `text` with each character outside of letters, digits and `allowed` replaced, not too long for
/// the name of a file.
std::string plain(const std::string& text, const std::string& allowed, char other) {
  std::string name;
  for (const char c : text) {
    if ((c & 0xC0) == 0x80) continue;  // a character's later bytes
    const bool keeps = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       allowed.find(c) != std::string::npos;
    name += keeps ? c : other;
    if (name.size() == 60) break;
  }
  return name;
}

/// The column's name with what a task may not be called replaced, and a number where that makes it
/// another task's.
std::string task_name(const std::string& column, std::set<std::string>& taken) {
  const std::string stem = plain(column, "-_", '_');
  std::string name = names_a_loss(stem) ? stem + "_" : stem;
  for (int number = 2; !taken.insert(name).second; ++number)
    name = fmt::format("{}_{}", stem, number);
  return name;
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
  for (const char c : plain(name, "-_.", '-'))
    if (c != '-' || (!out.empty() && out.back() != '-')) out += c;
  while (!out.empty() && (out.back() == '-' || out.back() == '.')) out.pop_back();
  out.erase(0, out.find_first_not_of(".-"));
  return out.empty() ? "data" : out;
}

std::string first_run_file(const std::string& data, const std::string& name) {
  const std::string index = find_index(data);
  if (!is_utf8(index))
    throw DataError(fmt::format("{}: a run file holds UTF-8, which this name is not", index));
  const Csv csv = read_csv(index);
  std::string folder = fs::path(index).parent_path().string();
  if (csv.rows.empty()) throw DataError(fmt::format("{}: it has no rows", index));

  int image = -1, split = -1;
  std::string tasks, left_out;
  std::set<std::string> names;
  for (size_t column = 0; column < csv.header.size(); ++column) {
    const std::string& title = csv.header[column];
    const std::vector<std::string> values = cells(csv, column);
    if (values.empty()) continue;
    if (title == "split") {
      split = static_cast<int>(column);
    } else if (image < 0 && is_picture(values[0])) {
      image = static_cast<int>(column);
    } else if (const Guess guess = task_of(folder, values); guess.no_task.empty()) {
      tasks +=
          fmt::format("\n[[task]]\n{}name = \"{}\"\ncolumn = {}\n{}", missing_note(csv, values),
                      task_name(title, names), toml_string(title), guess.keys);
    } else {
      left_out += fmt::format("# column {} {}: left out\n", toml_string(title), guess.no_task);
    }
  }
  if (image < 0) throw DataError(fmt::format("{}: no column names image files", index));
  if (tasks.empty()) throw DataError(fmt::format("{}: no column is a label", index));

  const PictureInfo info = picture_info(join_path(folder, cells(csv, image)[0]));
  const auto [height, width] = training_size(info);
  if (folder.empty()) folder = ".";
  if (folder[0] == '$') folder = "./" + folder;  // no variable
  std::string text = fmt::format(
      "# A first run file, guessed from {}: check each task's kind and classes.\n"
      "name = {}\nseed = 1\nsharing = \"adashare\"\n\n"
      "[model]\ntrunk = \"resnet18\"\nwidth = 0.25\nhead_width = 64\n\n"
      "[data]\nkind = \"csv\"\nroot = {}\nindex = {}\nimage = {}\n",
      toml_string(index), toml_string(plain_run_name(name)), toml_string(folder),
      toml_string(fs::path(index).filename().string()), toml_string(csv.header[image]));
  text += split >= 0 ? "split = \"split\"\n" : "ratio = [0.1, 0.1]\n";
  text += fmt::format("size = [{}, {}]  # images: {} x {}\nbatch = {}\n", height, width,
                      info.height, info.width, std::clamp<size_t>(csv.rows.size() / 8, 2, 8));
  text += left_out + tasks;
  text +=
      "\n[warmup]\nsteps = 300\n\n[policy]\nsteps = 400\nweight_steps = 16\nlogit_steps = 4\n"
      "curriculum_speed = 1\n\n[retrain]\nsteps = 300\n\n[eval]\nevery = 100\n";
  return text;
}

}  // namespace weft
