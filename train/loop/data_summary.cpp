// summarise_data: counts over indices, then over the labels of some samples.
#include "train/loop/data_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/augment.h"
#include "train/step/build.h"

namespace weft {
namespace {

constexpr size_t histogram_bins = 24;
constexpr size_t most_numbers = 4096;  ///< of one sample's label that are kept

bool is_number(TaskKind kind) { return kind == TaskKind::regression || kind == TaskKind::depth; }

/// At most `most` of them, evenly.
std::vector<int64_t> evenly(const std::vector<int64_t>& indices, int64_t most) {
  const auto count = static_cast<int64_t>(indices.size());
  if (count <= most) return indices;
  std::vector<int64_t> out;
  for (int64_t i = 0; i < most; ++i) out.push_back(indices[static_cast<size_t>(i * count / most)]);
  return out;
}

/// A task's numbers: least, most and mean of all, and as many as a histogram needs.
struct Numbers {
  double least = std::numeric_limits<double>::infinity(), most = -least;
  double first = 0, off = 0;  ///< off: the sum of distances from the first, 0 where all are equal
  int64_t count = 0;
  std::vector<double> some;

  void add(double v, bool kept) {
    if (count++ == 0) first = v;
    least = std::min(least, v);
    most = std::max(most, v);
    off += v - first;
    if (kept) some.push_back(v);
  }
};

void spread(LabelSummary& to, const Numbers& numbers) {
  if (numbers.count == 0) return;
  to.least = numbers.least;
  to.most = numbers.most;
  to.mean = numbers.first + numbers.off / static_cast<double>(numbers.count);
  const double width = (to.most - to.least) / static_cast<double>(histogram_bins);
  to.histogram.assign(histogram_bins, 0);
  for (const double v : numbers.some) {
    const auto bin = width > 0 ? static_cast<size_t>((v - to.least) / width) : 0;
    ++to.histogram[std::min(bin, histogram_bins - 1)];
  }
}

}  // namespace

DataSummary summarise_data(const RunFile& run, const Dataset& data, const Parts& parts,
                           int64_t most) {
  const LearnedFromData learned = data.learned();
  DataSummary out;
  out.kind = name_of(run.data.kind);
  out.notes = data.notes();
  const std::array<const std::vector<int64_t>*, 3> of{&parts.train, &parts.val, &parts.test};
  const size_t tasks = run.tasks.size();
  std::vector<Numbers> numbers(tasks);
  std::vector<bool> counted(tasks, false);  // every label of the part, without reading any
  for (size_t k = 0; k < tasks; ++k) {
    LabelSummary label;
    label.task = run.tasks[k].name;
    label.kind = name_of(run.tasks[k].kind);
    label.classes = class_names_of(learned, run.tasks[k], k);
    label.balance.assign(label.classes.size(), 0);
    label.value = run.tasks[k].target.empty() ? run.tasks[k].unit : run.tasks[k].target;
    for (size_t part = 0; part < 3; ++part)
      for (const int64_t index : *of[part]) label.labelled[part] += data.labelled(index, k);
    for (const int64_t index : parts.train) {
      const int only = data.only_task(index);
      label.missing += (only < 0 || only == static_cast<int>(k)) && !data.labelled(index, k);
    }
    for (const int64_t index : parts.train)
      if (const auto id = data.class_of(index, k);
          id && *id >= 0 && *id < static_cast<int64_t>(label.balance.size())) {
        ++label.balance[static_cast<size_t>(*id)];
        ++label.labels;
        counted[k] = true;
      }
    out.tasks.push_back(std::move(label));
  }
  for (size_t part = 0; part < 3; ++part)
    out.samples[part] = static_cast<int64_t>(of[part]->size());

  const FitOptions fit = eval_loader_options(run, data).fit;
  for (const int64_t index : evenly(parts.train, most)) {
    const Sample sample =
        fit_sample(data.load(index), run.tasks, fit, Philox(0, Stream::data, 0, "summary"));
    ++out.read;
    out.height = sample.image.height;
    out.width = sample.image.width;
    out.channels = sample.image.channels;
    const int only = data.only_task(index);
    for (size_t k = 0; k < tasks; ++k) {
      if (counted[k] || (only >= 0 && only != static_cast<int>(k))) continue;
      LabelSummary& to = out.tasks[k];
      const Picture& label = sample.labels[k];
      const auto step = static_cast<size_t>(run.tasks[k].label_channels());
      const size_t every = (label.pixels.size() / step + most_numbers - 1) / most_numbers;
      size_t there_are = 0;  // in this label
      for (size_t i = 0; i < label.pixels.size(); i += step) {
        const float v = label.pixels[i];
        const bool there = !std::isnan(v) && (run.tasks[k].kind != TaskKind::depth || v > 0);
        ++(there ? to.labels : to.invalid);
        if (!there) continue;
        if (is_number(run.tasks[k].kind)) {
          const bool own = !learned.tasks.empty();
          numbers[k].add(own ? learned.tasks[k].mean + learned.tasks[k].deviation * v : v,
                         there_are++ % every == 0);
        } else if (run.tasks[k].kind == TaskKind::multilabel) {
          for (size_t c = 0; c < to.balance.size(); ++c) to.balance[c] += label.pixels[i + c] > 0;
        } else if (v >= 0 && static_cast<size_t>(v) < to.balance.size()) {
          ++to.balance[static_cast<size_t>(v)];
        }
      }
    }
  }
  for (size_t k = 0; k < tasks; ++k) spread(out.tasks[k], numbers[k]);
  return out;
}

}  // namespace weft
