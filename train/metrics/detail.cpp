// DetailTally: labels at the outputs (train/metrics/labels.h), so that nothing has to grow; only the
// confusion is at the labels' own resolution, and is the metrics'.
#include "train/metrics/detail.h"

#include <algorithm>
#include <cmath>

#include "data/measured_label.h"
#include "train/metrics/kinds/confusion.h"
#include "train/metrics/labels.h"

namespace weft {
namespace {

bool has_classes(TaskKind kind) {
  return kind == TaskKind::segmentation || kind == TaskKind::classification ||
         kind == TaskKind::binary || kind == TaskKind::multilabel;
}

std::string error_name(const TaskSpec& task) {
  const std::string unit = task.unit.empty() || !task.target.empty() ? "" : ", " + task.unit;
  switch (task.kind) {
    case TaskKind::segmentation:
      return "wrong pixels, %";
    case TaskKind::classification:
    case TaskKind::binary:
      return "-log p of the class";
    case TaskKind::multilabel:
      return "-log p, mean over classes";
    case TaskKind::normals:
      return "mean angle, degrees";
    case TaskKind::depth:
      return "mean error" + (unit.empty() ? ", m" : unit);
    case TaskKind::regression:
      return "error" + unit;
    default:
      return "mean error";
  }
}

/// Without overflow.
double log_sigmoid(double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }

double degrees_between(const double* a, const float* b) {
  double dot = 0, aa = 0, bb = 0;
  for (int c = 0; c < 3; ++c) {
    dot += a[c] * b[c];
    aa += a[c] * a[c];
    bb += static_cast<double>(b[c]) * b[c];
  }
  if (std::isnan(dot) || std::isnan(aa)) return std::nan("");
  const double length = std::sqrt(aa * bb);
  return length > 0 ? std::acos(std::clamp(dot / length, -1.0, 1.0)) * 180 / M_PI : 180;
}

/// Larger errors first; one that is none is the largest.
bool worse(const ScoredSample& a, const ScoredSample& b) {
  if (std::isnan(a.error) || std::isnan(b.error))
    return std::isnan(a.error) && !std::isnan(b.error);
  return a.error > b.error;
}

/// Keeps the first extremes_kept by `before`; of equals those that came first.
template <class Before>
void insert(std::vector<ScoredSample>& kept, const ScoredSample& sample, Before&& before) {
  kept.insert(std::upper_bound(kept.begin(), kept.end(), sample, before), sample);
  if (kept.size() > extremes_kept) kept.pop_back();
}

}  // namespace

DetailTally::DetailTally(const TaskSpec& task, Semantics semantics, const LearnedFromData& learned,
                         size_t index, size_t tasks)
    : task_(task),
      semantics_(semantics),
      most_points_(std::clamp<size_t>(4 * most_scattered / tasks, 40, most_scattered)) {
  if (!learned.tasks.empty()) {
    mean_ = learned.tasks[index].mean;
    deviation_ = learned.tasks[index].deviation;
  }
  detail_.task = task.name;
  detail_.classes = class_names_of(learned, task, index);
  detail_.error = error_name(task);
  detail_.value = !task.target.empty() ? task.target : task.unit;
  if (has_classes(task.kind)) detail_.calibration.resize(calibration_bins);
  if (task.kind == TaskKind::multilabel) detail_.each.resize(detail_.classes.size());
}

/// A probability that is none has no bin.
void DetailTally::calibrate(double p_said, bool right) {
  if (std::isnan(p_said)) return;
  const auto bin = std::min(static_cast<size_t>(p_said * calibration_bins), calibration_bins - 1);
  CalibrationBin& at = detail_.calibration[bin];
  ++at.count;
  at.right += right;
  at.confidence += p_said;
}

/// As the metrics of sets have it, a class is predicted where its logit is above 0, and a logit that is
/// no number is wrong either way.
double DetailTally::error_of_set(const double* output, const float* label) {
  double sum = 0;
  for (size_t c = 0; c < detail_.each.size(); ++c) {
    const double z = output[c];
    const bool there = label[c] > 0, right = !std::isnan(z) && (z > 0) == there;
    ClassCount& count = detail_.each[c];
    count.labelled += there;
    count.predicted += there == right;
    count.right += there && right;
    calibrate(1 / (1 + std::exp(-std::abs(z))), right);
    sum += log_sigmoid(there ? z : -z);
  }
  return -sum / static_cast<double>(detail_.each.size());
}

/// Counts the label in calibration or scatter, and gives its error.
double DetailTally::error_of(const double* output, const float* label) {
  if (task_.kind == TaskKind::normals) return degrees_between(output, label);
  if (task_.kind == TaskKind::multilabel) return error_of_set(output, label);
  if (!has_classes(task_.kind)) {
    const double truth = mean_ + deviation_ * *label, said = mean_ + deviation_ * *output;
    if (task_.kind == TaskKind::regression || task_.kind == TaskKind::depth) scatter(truth, said);
    return std::abs(said - truth);
  }
  const auto truth = static_cast<int64_t>(*label);
  int64_t said = 0;
  double p_said = 0, log_p_truth = 0;
  if (task_.kind == TaskKind::binary) {
    const double z = *output;
    said = z > 0;
    p_said = 1 / (1 + std::exp(-std::abs(z)));
    log_p_truth = log_sigmoid(truth == 1 ? z : -z);
  } else {
    const int64_t classes = task_.channels();
    double sum = 0, most = output[0];
    for (int64_t c = 1; c < classes; ++c)
      if (output[c] > most) most = output[said = c];
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(output[c] - most);
    p_said = 1 / sum;
    log_p_truth = output[truth] - most - std::log(sum);
  }
  if (std::isnan(p_said)) return p_said;
  calibrate(p_said, said == truth);
  if (task_.kind == TaskKind::segmentation) return said == truth ? 0 : 100;
  return -log_p_truth;
}

void DetailTally::add(const Tensor& prediction, const Tensor& target, const Geometry& geometry,
                      const std::vector<std::string>& keys, size_t first) {
  const int64_t height = prediction.shape()[1], width = prediction.shape()[2],
                channels = prediction.shape()[3];
  const Tensor labels = labels_at(task_, semantics_, target, geometry, height, width);
  const int64_t samples = labels.shape()[0], each = labels.shape()[3];
  const std::vector<double> outputs = prediction.to_vector();
  const float* label = labels.data<float>();
  const double* output = outputs.data();
  for (int64_t n = 0; n < samples; ++n) {
    double sum = 0, count = 0;
    bool bound = false;  // such a label is there, but says nothing of an error
    for (int64_t i = 0; i < height * width; ++i, label += each, output += channels) {
      if (std::isnan(*label)) continue;
      bound = !task_.target.empty() && label[measured::bound] != 0;
      if (bound) continue;
      sum += error_of(output, label);
      count += 1;
    }
    ++detail_.samples;
    detail_.unlabelled += count == 0 && !bound;
    detail_.labels += static_cast<int64_t>(count);
    if (count > 0) keep({keys.at(first + static_cast<size_t>(n)), sum / count});
  }
}

void DetailTally::add_unlabelled(size_t samples) {
  detail_.samples += static_cast<int64_t>(samples);
  detail_.unlabelled += static_cast<int64_t>(samples);
}

void DetailTally::keep(const ScoredSample& sample) {
  insert(detail_.worst, sample, worse);
  insert(detail_.best, sample, [](const auto& a, const auto& b) { return worse(b, a); });
}

void DetailTally::scatter(double label, double prediction) {
  if (seen_++ % every_ != 0 || !std::isfinite(prediction)) return;
  auto& points = detail_.scatter;
  points.push_back({label, prediction});
  if (points.size() < most_points_) return;
  // Every other one goes, and so does every other one from here on.
  const size_t left = (points.size() + 1) / 2;
  for (size_t i = 0; i < left; ++i) points[i] = points[2 * i];
  points.resize(left);
  every_ *= 2;
}

TaskDetail DetailTally::finish(const TaskMetrics& metrics) const {
  TaskDetail detail = detail_;
  // Of n classes it has n (n + 1) numbers: gigabytes of text, of many.
  if (const auto* c = metrics.tally<Confusion>(); c != nullptr && c->classes() <= most_confused) {
    for (size_t label = 0; label < c->classes(); ++label)
      for (size_t said = 0; said <= c->classes(); ++said)
        detail.confusion.push_back(c->at(label, said));
  }
  return detail;
}

}  // namespace weft
