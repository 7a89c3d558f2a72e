// Sheets of samples: each label in its colours, its prediction on the same scale.
#include "train/loop/sample_sheets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "data/augment.h"
#include "data/resize.h"
#include "train/loop/predict.h"
#include "train/pictures/colour.h"

namespace weft {
namespace {

constexpr int most_width = 160;   ///< of a picture beside many
constexpr size_t most_tasks = 8;  ///< that get rows of their own

/// As the network sees it, before normalisation.
Sample seen(const RunFile& run, const Dataset& data, int64_t index) {
  return fit_sample(data.load(index), run.tasks, eval_loader_options(run, data).fit,
                    Philox(0, Stream::data, 0, "sheet"));
}

/// A text is of one channel, and a table's row may be of one or three, without being a picture.
bool has_pictures(const RunFile& run) {
  return run.data.kind != DataKind::text && run.data.kind != DataKind::tabular;
}

bool is_picture(const Picture& image) { return image.channels == 1 || image.channels == 3; }

Picture in_colour(const Picture& image) {
  if (image.channels == 3) return image;
  Picture rgb(image.height, image.width, 3);
  for (size_t i = 0; i < rgb.pixels.size(); ++i) rgb.pixels[i] = image.pixels[i / 3];
  return rgb;
}

Picture shrunken(Picture rgb) {
  if (rgb.empty() || rgb.width <= most_width) return rgb;
  return resize_bilinear(rgb, std::max(1, rgb.height * most_width / rgb.width), most_width);
}

/// Nearest and farthest of a depth label: it and its prediction share one scale.
std::array<float, 2> scale_of(const TaskSpec& task, const Picture& label) {
  if (task.kind != TaskKind::depth || label.empty()) return {0, 0};
  float nearest = std::numeric_limits<float>::max(), farthest = 0;
  for (const float v : label.pixels)
    if (!std::isnan(v)) {
      nearest = std::min(nearest, v);
      farthest = std::max(farthest, v);
    }
  return {farthest == 0 ? 0 : nearest, farthest};
}

std::string words_of(const LearnedFromData& learned, const TaskSpec& task, size_t k,
                     const Picture& label) {
  if (label.empty() || std::isnan(label.pixels[0])) return "-";
  return label_text(learned, task, k, label.pixels);
}

/// A sample and what the network says of it.
struct Seen {
  Sample sample;
  Picture rgb;
  std::vector<Picture> predicted;

  Picture label_of(const TaskSpec& task, size_t k) const {
    const auto [nearest, farthest] = scale_of(task, sample.labels[k]);
    return sample.labels[k].empty()
               ? Picture{}
               : colour_label(task.kind, sample.labels[k], &rgb, nearest, farthest);
  }
  Picture prediction_of(const TaskSpec& task, size_t k) const {
    const auto [nearest, farthest] = scale_of(task, sample.labels[k]);
    return colour_label(task.kind, predicted[k], &rgb, nearest, farthest);
  }
};

Seen predicted(Trainer& trainer, const Dataset& data, int64_t index) {
  const BinaryPolicy& chosen = trainer.state().chosen;
  Seen out;
  out.sample = seen(trainer.run_file(), data, index);
  if (!is_picture(out.sample.image)) return out;
  out.rgb = in_colour(out.sample.image);
  for (Prediction& made : predict(trainer.context(), trainer.model(), trainer.run_file(),
                                  chosen.select.empty() ? nullptr : &chosen, out.sample.image))
    out.predicted.push_back(std::move(made.label));
  return out;
}

}  // namespace

Sheet sample_sheet(const RunFile& run, const Dataset& data, const std::vector<int64_t>& indices) {
  if (!has_pictures(run)) return {};
  const LearnedFromData learned = data.learned();
  Sheet sheet{"Samples and their labels", {"input"}, {}};
  for (const TaskSpec& task : run.tasks)
    if (!task.image_label()) sheet.columns.push_back(task.name);
  for (const int64_t index : indices) {
    Seen one;
    one.sample = seen(run, data, index);
    if (!is_picture(one.sample.image)) return {};
    one.rgb = in_colour(one.sample.image);
    SheetRow row{{shrunken(one.rgb)}, ""};
    for (size_t k = 0; k < run.tasks.size(); ++k) {
      const TaskSpec& task = run.tasks[k];
      const Picture& label = one.sample.labels[k];
      if (task.image_label())
        row.words += fmt::format("{}{}: {}", row.words.empty() ? "" : ";  ", task.name,
                                 words_of(learned, task, k, label));
      else
        row.pictures.push_back(shrunken(one.label_of(task, k)));
    }
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

Sheet prediction_sheet(Trainer& trainer, const Dataset& data, const std::vector<int64_t>& indices) {
  const RunFile& run = trainer.run_file();
  if (!has_pictures(run)) return {};
  const LearnedFromData learned = data.learned();
  Sheet sheet{"Inputs, labels and predictions", {"input"}, {}};
  for (const TaskSpec& task : run.tasks)
    if (!task.image_label()) {
      sheet.columns.push_back(task.name + ", label");
      sheet.columns.push_back(task.name + ", predicted");
    }
  for (const int64_t index : indices) {
    const Seen one = predicted(trainer, data, index);
    if (one.rgb.empty()) return {};
    SheetRow row{{one.rgb}, ""};
    for (size_t k = 0; k < run.tasks.size(); ++k) {
      const TaskSpec& task = run.tasks[k];
      if (task.image_label()) {
        row.words += fmt::format("{}{}: is {}, said {}", row.words.empty() ? "" : ";  ", task.name,
                                 words_of(learned, task, k, one.sample.labels[k]),
                                 words_of(learned, task, k, one.predicted[k]));
        continue;
      }
      row.pictures.push_back(one.label_of(task, k));
      row.pictures.push_back(one.prediction_of(task, k));
    }
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

Sheet extremes_sheet(Trainer& trainer, const Dataset& data, const std::vector<int64_t>& tested,
                     const std::vector<TaskDetail>& details) {
  const RunFile& run = trainer.run_file();
  if (!has_pictures(run) || details.size() != run.tasks.size()) return {};
  const LearnedFromData learned = data.learned();
  std::map<std::string, int64_t> index_of;
  for (const int64_t index : tested) index_of.emplace(data.key(index), index);
  Sheet sheet{"Best and worst samples of the test", {}, {}};
  for (const char* which : {"best", "worst"})
    for (const char* what : {"input", "label", "predicted"})
      sheet.columns.push_back(fmt::format("{}: {}", which, what));
  for (size_t k = 0; k < std::min(most_tasks, run.tasks.size()); ++k) {
    const TaskSpec& task = run.tasks[k];
    for (size_t i = 0; i < 2; ++i) {
      SheetRow row;
      for (const auto* list : {&details[k].best, &details[k].worst}) {
        // Few samples: the best are the worst, too.
        if (i >= list->size()) continue;
        const ScoredSample& scored = (*list)[i];
        const auto found = index_of.find(scored.key);
        if (found == index_of.end()) continue;
        const Seen one = predicted(trainer, data, found->second);
        if (one.rgb.empty()) return {};
        row.pictures.push_back(shrunken(one.rgb));
        row.words += fmt::format("{}{}: {} {:.4g}", row.words.empty() ? task.name + ", " : ";  ",
                                 list == &details[k].best ? "best" : "worst", details[k].error,
                                 scored.error);
        if (task.image_label()) {
          row.words +=
              fmt::format(", is {}, said {}", words_of(learned, task, k, one.sample.labels[k]),
                          words_of(learned, task, k, one.predicted[k]));
          row.pictures.resize(row.pictures.size() + 2);
        } else {
          row.pictures.push_back(shrunken(one.label_of(task, k)));
          row.pictures.push_back(shrunken(one.prediction_of(task, k)));
        }
      }
      if (!row.pictures.empty()) sheet.rows.push_back(std::move(row));
    }
  }
  return sheet;
}

}  // namespace weft
