// Which files predictions come from and go to, and the writing of a picture's.
#include "train/loop/prediction_files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include "engine/error.h"
#include "io/csv_text.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "train/pictures/colour.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

/// Whatever way the path is written in.
fs::path absolute(const std::string& path) {
  std::error_code error;
  const auto canonical = fs::weakly_canonical(fs::absolute(path), error);
  return error ? fs::absolute(path) : canonical;
}

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg" || ending == ".npy";
}

/// The stem; one step further with the ending, then with a folder more each.
std::string stem_of(const fs::path& picture, size_t step) {
  std::string out = picture.stem().string();
  if (step > 0 && picture.has_extension()) out += "-" + picture.extension().string().substr(1);
  fs::path folder = picture.parent_path();
  for (size_t i = 1; i < step && folder.has_filename(); ++i, folder = folder.parent_path())
    out = folder.filename().string() + "-" + out;
  return out;
}

/// Stems that differ, of pictures that do: those alike go on step by step, each as far as it must.
std::vector<std::string> stems_apart(const std::vector<std::string>& pictures) {
  std::vector<size_t> steps(pictures.size(), 0);
  std::vector<fs::path> paths;
  for (const std::string& picture : pictures) paths.push_back(absolute(picture));
  std::vector<std::string> stems(pictures.size());
  for (bool alike = true; alike;) {
    alike = false;
    std::map<std::string, std::vector<size_t>> by_stem;
    for (size_t i = 0; i < pictures.size(); ++i)
      by_stem[stems[i] = stem_of(paths[i], steps[i])].push_back(i);
    for (const auto& [stem, group] : by_stem)
      for (const size_t i : group) {
        const bool other =
            std::any_of(group.begin(), group.end(), [&](size_t j) { return paths[j] != paths[i]; });
        const auto most = static_cast<size_t>(std::distance(paths[i].begin(), paths[i].end()));
        if (!other || steps[i] > most) continue;
        ++steps[i];
        alike = true;
      }
  }
  return stems;
}

}  // namespace

std::vector<std::string> pictures_in(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      out.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    std::error_code no_file;  // a link to itself is none
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error))
      if (is_picture(it->path()) && it->is_regular_file(no_file))
        found.push_back(it->path().string());
    if (error) throw DataError(fmt::format("{}: {}", path, error.message()));
    if (found.empty())
      throw DataError(fmt::format("{}: holds no PNG, JPEG or npy files to predict", path));
    std::sort(found.begin(), found.end());
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

void check_outputs(const std::vector<std::string>& inputs,
                   const std::vector<std::vector<std::string>>& outputs) {
  std::map<fs::path, std::string> there, coming;  // what stands and what comes there
  for (const std::string& input : inputs) there.emplace(absolute(input), input);
  for (size_t i = 0; i < inputs.size(); ++i)
    for (const std::string& path : outputs[i]) {
      if (const auto input = there.find(absolute(path)); input != there.end())
        throw ConfigError(
            fmt::format("predict: {} would be written over {}, which is to be predicted; --out "
                        "names another folder",
                        path, input->second));
      const auto [first, fresh] = coming.emplace(absolute(path), inputs[i]);
      if (!fresh)
        throw ConfigError(
            fmt::format("predict: {} and {} would both be written to {}; predict them one by one, "
                        "each with its --out",
                        first->second, inputs[i], path));
    }
}

std::vector<std::string> prediction_stems(const std::vector<std::string>& pictures,
                                          const std::vector<TaskSpec>& tasks,
                                          const std::string& folder) {
  std::vector<std::string> stems = stems_apart(pictures);
  std::vector<std::vector<std::string>> maps;
  for (std::string& stem : stems) {
    stem = (fs::path(folder) / stem).string();
    maps.emplace_back();
    for (const TaskSpec& task : tasks) {
      if (task.image_label()) continue;  // it is printed
      for (const char* ending : {".png", ".npy", "-overlay.png"})
        maps.back().push_back(stem + "-" + task.name + ending);
    }
  }
  check_outputs(pictures, maps);
  return stems;
}

std::string probability_text(double probability) { return fmt::format("{:.4g}", probability); }

std::string probability_text(const TaskSpec& task, const std::vector<float>& label,
                             const std::vector<double>& probabilities) {
  if (probabilities.empty()) return "";
  if (task.kind != TaskKind::multilabel)
    return probability_text(probabilities.at(static_cast<size_t>(label.at(0))));
  std::vector<std::string> texts;
  for (size_t c = 0; c < probabilities.size(); ++c)
    if (label.at(c) > 0) texts.push_back(probability_text(probabilities[c]));
  return fmt::format("{}", fmt::join(texts, task.separator));
}

Written write_prediction(const std::string& picture, const std::string& stem, const TaskSpec& task,
                         size_t k, const LearnedFromData& learned, const Prediction& made,
                         const Picture* photograph) {
  const std::string path = stem + "-" + task.name;
  std::string value = path + ".npy";
  Written out;
  if (task.image_label()) {
    value = label_text(learned, task, k, made.label.pixels);
    out.said = fmt::format("{}: {} {}\n", picture, task.name, value);
  } else {
    const Picture colours = colour_label(task.kind, made.label);
    write_png(path + ".png", colours);
    write_npy(path + ".npy", made.label);
    if (photograph) write_png(path + "-overlay.png", overlay(*photograph, colours));
    out.said =
        fmt::format("{}: {}.png, .npy{}\n", picture, path, photograph ? ", -overlay.png" : "");
  }
  out.row = fmt::format("{},{},{},{}\n", csv_cell(picture), csv_cell(task.name), csv_cell(value),
                        csv_cell(probability_text(task, made.label.pixels, made.probabilities)));
  return out;
}

void write_predictions(size_t pictures, const std::string& folder,
                       const std::function<std::string(size_t)>& rows_of,
                       const std::function<void(const std::string&)>& say) {
  const std::string path = folder + "/predictions.csv";
  std::string lines = predictions_header;
  size_t done = 0;
  try {
    for (; done < pictures; ++done) lines += rows_of(done);
  } catch (...) {
    if (done > 0) {
      write_file(path, lines);
      say(fmt::format("{}: the first {} of {} pictures\n", path, done, pictures));
    }
    throw;
  }
  write_file(path, lines);
  say(path + "\n");
}

std::vector<std::string> predicted_tables(const std::vector<std::string>& tables,
                                          const std::string& folder) {
  std::vector<std::vector<std::string>> outputs;
  std::vector<std::string> paths;
  for (const std::string& path : tables) {
    std::string name = fs::path(path).filename().string();
    for (const std::string end : {".gz", ".csv"})
      if (name.size() > end.size() && name.ends_with(end)) name.resize(name.size() - end.size());
    paths.push_back(folder + "/" + name + "-predicted.csv");
    outputs.push_back({paths.back()});
  }
  check_outputs(tables, outputs);
  return paths;
}

}  // namespace weft
