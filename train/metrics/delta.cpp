// Delta_T and the official relative score; see delta.h.
#include "train/metrics/delta.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"

namespace weft {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// The mean of f(value, reference, higher_is_better) over the metrics of both lists.
template <class F>
Measure mean_over_shared(const std::vector<Metric>& values, const std::vector<Metric>& references,
                         bool listed_only, F&& f) {
  double sum = 0, count = 0;
  for (const Metric& reference : references)
    for (const Metric& metric : values) {
      if (metric.name != reference.name) continue;
      if (listed_only && !counts_in_delta(metric.name)) continue;
      if (!metric.value || !reference.value) continue;
      if (is_fault(metric.value) || is_fault(reference.value)) return not_a_number;
      if (*reference.value == 0) continue;  // nothing to be relative to
      sum += f(*metric.value, *reference.value, higher_is_better(metric.name));
      count += 1;
    }
  if (count == 0) return std::nullopt;
  return sum / count;
}

void check_tasks(const char* what, const MetricsOfTasks& a, const MetricsOfTasks& b) {
  if (a.size() != b.size())
    throw ConfigError(fmt::format("{}: runs of {} and {} tasks; compare runs of the same tasks",
                                  what, a.size(), b.size()));
}

struct Reference {
  TaskKind kind;
  std::vector<std::pair<const char*, double>> values;
};

/// The best-selection references of the official training script, ratios as percent.
std::vector<Reference> references_of(std::string_view configuration) {
  const auto segmentation = [](double miou, double pixel_acc) {
    return Reference{TaskKind::segmentation, {{"miou", miou}, {"pixel_acc", pixel_acc}}};
  };
  const auto normals = [](double mean, double median, double a, double b, double c) {
    return Reference{TaskKind::normals,
                     {{"angle_mean", mean},
                      {"angle_median", median},
                      {"within_11.25", a},
                      {"within_22.5", b},
                      {"within_30", c}}};
  };
  const auto depth = [](double abs, double rel, double a, double b, double c) {
    return Reference{
        TaskKind::depth,
        {{"abs", abs}, {"rel", rel}, {"delta_1.25", a}, {"delta_1.25^2", b}, {"delta_1.25^3", c}}};
  };
  const Reference cityscapes_depth = depth(0.017, 0.33, 70.3, 86.3, 93.3);
  if (configuration == "nyu_v2_2task")
    return {segmentation(41.3, 69.1), normals(15, 11.5, 49.2, 76.7, 86.8)};
  if (configuration == "nyu_v2_3task")
    return {segmentation(27.5, 58.9), normals(17.5, 14.2, 34.9, 73.3, 85.7),
            depth(0.62, 0.25, 57.9, 85.8, 95.7)};
  if (configuration == "cityscapes_2task") return {segmentation(40.2, 74.7), cityscapes_depth};
  if (configuration == "cityscapes_2task_7small")
    return {segmentation(51.9, 72.2), cityscapes_depth};
  if (configuration == "cityscapes_2task_7large")
    return {segmentation(64.4, 77.8), cityscapes_depth};
  if (configuration == "taskonomy_5task")
    return {{TaskKind::segmentation, {{"err", 0.517}}},
            {TaskKind::normals, {{"cosine", 0.716}}},
            {TaskKind::depth, {{"abs", 0.021}}},
            {TaskKind::keypoints, {{"abs", 0.197}}},
            {TaskKind::edges, {{"abs", 0.212}}}};
  if (configuration == "domainnet_6domains")  // 1 there, where accuracies are shares
    return {{TaskKind::classification, {{"accuracy", 100}}}};
  return {};
}

}  // namespace

Delta delta(const MetricsOfTasks& multi, const MetricsOfTasks& single) {
  check_tasks("Delta_T", multi, single);
  Delta out;
  double sum = 0, count = 0;
  for (size_t k = 0; k < multi.size(); ++k) {
    const Measure task = mean_over_shared(
        multi[k], single[k], true, [](double value, double reference, bool higher) {
          return (higher ? 100 : -100) * (value - reference) / std::abs(reference);
        });
    out.tasks.push_back(task);
    if (!task) continue;
    sum += *task;
    count += 1;
  }
  if (count > 0) out.overall = sum / count;
  return out;
}

double relative_score(const MetricsOfTasks& metrics, const MetricsOfTasks& references) {
  check_tasks("relative score", metrics, references);
  double sum = 0;
  for (size_t k = 0; k < metrics.size(); ++k) {
    const Measure task = mean_over_shared(
        metrics[k], references[k], false, [](double value, double reference, bool higher) {
          return higher ? value / reference : reference / std::max(value, 1e-12);
        });
    if (task) sum += *task;
  }
  return sum;
}

std::optional<MetricsOfTasks> official_references(std::string_view configuration,
                                                  const std::vector<TaskSpec>& tasks) {
  const std::vector<Reference> references = references_of(configuration);
  if (references.empty()) return std::nullopt;
  MetricsOfTasks out(tasks.size());
  for (size_t k = 0; k < tasks.size(); ++k)
    for (const Reference& reference : references) {
      if (reference.kind != tasks[k].kind) continue;
      for (const auto& [name, value] : reference.values)
        out[k].push_back({name, value, higher_is_better(name)});
    }
  return out;
}

}  // namespace weft
