// Tables and tiles of one run's data and test.
#include "train/report/test_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "train/metrics/class_scores.h"
#include "train/pictures/colour.h"
#include "train/pictures/test_pictures.h"
#include "train/study/table_text.h"

namespace weft {
namespace {

constexpr size_t most_tasks = 12;    ///< that have pictures
constexpr size_t most_classes = 40;  ///< that are told apart in a picture

void say_first(Page& page, size_t tasks, const char* file) {
  if (tasks > most_tasks)
    page.paragraph(fmt::format("The first {} of {} tasks; all are in {} of the run folder.",
                               most_tasks, tasks, file));
}

/// The classes that have most labels, in the order of their ids; the others together.
std::vector<Bar> bars_of(const LabelSummary& task, bool coloured) {
  std::vector<size_t> order(task.balance.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return task.balance[a] > task.balance[b]; });
  order.resize(std::min(order.size(), most_classes));
  std::sort(order.begin(), order.end());
  std::vector<Bar> bars;
  int64_t shown = 0, all = 0;
  for (const int64_t n : task.balance) all += n;
  for (const size_t c : order) {
    bars.push_back({task.classes[c], static_cast<double>(task.balance[c]),
                    coloured ? Paint(class_colour(static_cast<int>(c))) : Paint(Tone::soft)});
    shown += task.balance[c];
  }
  if (shown < all) bars.push_back({"others", static_cast<double>(all - shown), Tone::soft});
  return bars;
}

std::string class_table(const TaskDetail& t) {
  std::vector<Cells> rows{
      {"class", "labels", "predicted", "IoU %", "precision %", "recall %", "F1 %"}};
  for (const ClassScore& score : class_scores(t))
    rows.push_back({plain_cell(score.name), fmt::to_string(score.labels),
                    fmt::to_string(score.predicted), fixed_text(score.iou(), 2),
                    fixed_text(score.precision(), 2), fixed_text(score.recall(), 2),
                    fixed_text(score.f1(), 2)});
  return table_text(rows, TableStyle::markdown);
}

std::string swatch(const std::array<float, 3>& colour) {
  const auto byte = [](float v) { return static_cast<int>(std::lround(255 * v)); };
  return fmt::format("<span class=swatch style=\"background:#{:02x}{:02x}{:02x}\"></span>",
                     byte(colour[0]), byte(colour[1]), byte(colour[2]));
}

}  // namespace

void data_parts(Page& page, const DataSummary& data) {
  page.paragraph(fmt::format(
      "Kind: {}. {} training samples, {} for validation, {} for the test{}.", data.kind,
      data.samples[0], data.samples[1], data.samples[2],
      data.read == 0 ? std::string()
      : data.height == 1
          ? fmt::format("; a sample is {} numbers", int64_t{data.width} * data.channels)
          : fmt::format("; a sample is {} x {} x {}", data.height, data.width, data.channels)));
  for (const std::string& note : data.notes) page.paragraph(note);
  std::vector<Cells> rows{{"task", "kind", "training", "missing", "validation", "test", "read",
                           "none", "mean", "range"}};
  for (const LabelSummary& t : data.tasks) {
    const bool numbers = !t.histogram.empty();
    const double seen = static_cast<double>(t.labels + t.invalid);
    rows.push_back(
        {plain_cell(t.task), t.kind, fmt::to_string(t.labelled[0]), fmt::to_string(t.missing),
         fmt::to_string(t.labelled[1]), fmt::to_string(t.labelled[2]), fmt::to_string(t.labels),
         seen > 0 ? fmt::format("{:.2g} %", 100 * static_cast<double>(t.invalid) / seen) : "-",
         numbers ? fmt::format("{:.4g}", t.mean) : "-",
         numbers ? fmt::format("{:.4g} to {:.4g}", t.least, t.most) : "-"});
  }
  page.markdown(table_text(rows, TableStyle::markdown));
  page.paragraph(
      "Samples with a label: training, validation, test; missing: training samples that should "
      "have "
      "one. Read: labels or pixels of these that were looked at; none: the share that says "
      "nothing.");
  page.paragraph(fmt::format(
      "How labels are spread in the training part: classes of whole samples are all counted where "
      "the set knows them; pixels and numbers are those of {} samples, evenly over the part, and "
      "bars of numbers take every n-th pixel of a large picture.",
      data.read));
  say_first(page, data.tasks.size(), "data.json");
  page.begin_tiles();
  for (size_t k = 0; k < std::min(most_tasks, data.tasks.size()); ++k) {
    const LabelSummary& t = data.tasks[k];
    if (!t.histogram.empty())
      page.picture(draw_histogram(t.task, t.value, t.least, t.most, t.histogram));
    else if (t.labels > 0 && !t.classes.empty())
      page.picture(draw_bars(t.task, bars_of(t, t.kind == "segmentation")));
  }
  page.end_tiles();
}

void test_parts(Page& page, const std::vector<TaskDetail>& tasks) {
  std::vector<Cells> rows{{"task", "samples", "without label", "labels", "calibration error %"}};
  std::vector<std::vector<Reliability>> reliability;
  for (const TaskDetail& t : tasks) {
    auto& bins = reliability.emplace_back();
    for (const CalibrationBin& bin : t.calibration) {
      const auto n = static_cast<double>(std::max<int64_t>(1, bin.count));
      bins.push_back({bin.count, bin.confidence / n, static_cast<double>(bin.right) / n});
    }
    rows.push_back({plain_cell(t.task), fmt::to_string(t.samples), fmt::to_string(t.unlabelled),
                    fmt::to_string(t.labels),
                    bins.empty() || t.labels == 0
                        ? "-"
                        : fmt::format("{:.2f}", 100 * calibration_error(bins))});
  }
  page.markdown(table_text(rows, TableStyle::markdown));
  if (std::any_of(tasks.begin(), tasks.end(), [](const TaskDetail& t) { return !t.each.empty(); }))
    page.paragraph(
        "Of a set of classes each is a label of its own: there, or not. Its calibration is of all "
        "classes together, by how sure either is.");
  say_first(page, tasks.size(), "test.json");
  for (size_t k = 0; k < std::min(most_tasks, tasks.size()); ++k) {
    const TaskDetail& t = tasks[k];
    if (t.classes.size() > most_confused && t.each.empty())
      page.paragraph(
          fmt::format("{}: who is taken for whom is not kept of {} classes, but of at "
                      "most {}.",
                      t.task, t.classes.size(), most_confused));
    page.begin_tiles();
    if (!t.confusion.empty() && t.labels > 0 && t.classes.size() <= most_classes)
      page.picture(draw_confusion(t.task + ": who is taken for whom", t.classes, t.confusion));
    if (!t.calibration.empty() && t.labels > 0)
      page.picture(draw_reliability(t.task + ": how sure, how right", reliability[k]));
    page.end_tiles();
    if ((!t.confusion.empty() || !t.each.empty()) && t.labels > 0) {
      page.begin_folded(t.task + ": class by class");
      page.markdown(class_table(t));
      page.end_folded();
    }
  }
  page.begin_columns();
  for (size_t k = 0; k < std::min(most_tasks, tasks.size()); ++k)
    if (!tasks[k].scatter.empty())
      page.picture(draw_scatter(tasks[k].task, tasks[k].value, tasks[k].scatter));
  page.end_columns();
}

void extreme_parts(Page& page, const std::vector<TaskDetail>& tasks) {
  std::vector<Cells> rows{{"task", "error", "best", "worst"}};
  const auto list = [](const std::vector<ScoredSample>& samples) {
    std::vector<std::string> words;
    for (size_t i = 0; i < std::min<size_t>(2, samples.size()); ++i)
      words.push_back(fmt::format("{} ({:.3g})", plain_cell(samples[i].key), samples[i].error));
    return fmt::format("{}", fmt::join(words, ", "));
  };
  say_first(page, tasks.size(), "test.json");
  for (size_t k = 0; k < std::min(most_tasks, tasks.size()); ++k)
    rows.push_back(
        {plain_cell(tasks[k].task), tasks[k].error, list(tasks[k].best), list(tasks[k].worst)});
  page.markdown(table_text(rows, TableStyle::markdown));
}

void colour_legend(Page& page, const RunFile& run, const std::vector<TaskDetail>& tasks) {
  std::string html;
  for (const TaskSpec& spec : run.tasks) {
    if (spec.image_label()) continue;
    const std::string name = escape_markup(spec.name);
    if (spec.kind == TaskKind::segmentation) {
      std::vector<std::string> classes = spec.names;
      for (const TaskDetail& t : tasks)
        if (t.task == spec.name) classes = t.classes;
      html += fmt::format("<li><b>{}</b>", name);
      for (int c = 0; c < spec.classes; ++c)
        html += fmt::format(" <span class=key>{}{}</span>", swatch(class_colour(c)),
                            c < static_cast<int>(classes.size())
                                ? escape_markup(classes[static_cast<size_t>(c)])
                                : fmt::to_string(c));
      html += "</li>\n";
    } else if (spec.kind == TaskKind::normals) {
      html += fmt::format(
          "<li><b>{}</b> red: to the right, green: up, blue: towards the viewer</li>\n", name);
    } else if (spec.kind == TaskKind::depth) {
      html += fmt::format("<li><b>{}</b> bright: near, dark: far</li>\n", name);
    } else {
      html += fmt::format("<li><b>{}</b> bright on the dimmed picture</li>\n", name);
    }
  }
  if (!html.empty())
    page.html("<ul class=legend>" + html + "<li>dark gray stripes: no label</li></ul>\n");
}

}  // namespace weft
