// The best constant prediction; see baseline.h.
#include "train/metrics/baseline.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "train/metrics/labels.h"

namespace weft {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

bool has_classes(TaskKind kind) {
  return kind == TaskKind::segmentation || kind == TaskKind::classification ||
         kind == TaskKind::binary;
}

double entropy(const std::vector<double>& distribution) {
  double sum = 0;
  for (double p : distribution)
    if (p > 0) sum -= p * std::log(p);
  return sum;
}

}  // namespace

Baseline::Baseline(const TaskSpec& task, Semantics semantics)
    : task_(task), semantics_(semantics), measured_(task.relative) {
  if (has_classes(task.kind))
    per_class_.resize(task.kind == TaskKind::binary ? 2 : static_cast<size_t>(task.classes));
  if (task.kind == TaskKind::multilabel) per_class_.resize(static_cast<size_t>(task.classes));
}

void Baseline::add(const Tensor& target, const Geometry& geometry, int64_t height, int64_t width) {
  const Tensor labels = labels_at(task_, semantics_, target, geometry, height, width);
  const int64_t channels = labels.shape().back(), pixels = labels.numel() / channels;
  const float* label = labels.data<float>();
  for (int64_t i = 0; i < pixels; ++i, label += channels) {
    if (std::isnan(*label)) continue;
    ++count_;
    if (has_classes(task_.kind)) {
      ++per_class_[static_cast<size_t>(*label)];
    } else if (task_.kind == TaskKind::multilabel) {
      for (size_t c = 0; c < per_class_.size(); ++c) per_class_[c] += label[c] > 0;
    } else if (task_.kind == TaskKind::normals) {
      const double x = label[0], y = label[1], z = label[2];
      const double length = std::sqrt(x * x + y * y + z * z);
      normal_sum_[0] += x / length;
      normal_sum_[1] += y / length;
      normal_sum_[2] += z / length;
    } else if (!task_.target.empty()) {
      measured_.add(label);
    } else {
      values_.push_back(*label);
    }
  }
}

void Baseline::join(Ranks& ranks) {
  ranks.sum_all(count_, per_class_);
  ranks.sum(normal_sum_, 3);
  ranks.join(values_);
  measured_.join(ranks);
}

std::vector<double> Baseline::distribution() const {
  std::vector<double> p(per_class_.begin(), per_class_.end());
  double sum = 0;
  for (size_t c = 0; c < p.size(); ++c) {
    if (!task_.class_weights.empty()) p[c] *= task_.class_weights[c];
    sum += p[c];
  }
  for (double& share : p) share /= sum;
  return p;
}

Baseline::YesOrNo Baseline::yes_or_no(double share) const {
  const double yes = task_.pos_weight * share, no = 1 - share, sum = yes + no;
  return {entropy({no / sum, yes / sum}) * (1 + (task_.pos_weight - 1) * share),
          std::log(std::max(yes / sum, 1e-30)) - std::log(std::max(no / sum, 1e-30))};
}

double Baseline::median() const {
  const auto middle = values_.begin() + static_cast<int64_t>((values_.size() - 1) / 2);
  std::nth_element(values_.begin(), middle, values_.end());
  return *middle;
}

double Baseline::mean() const {
  double sum = 0;
  for (float value : values_) sum += value;
  return sum / static_cast<double>(values_.size());
}

double Baseline::loss() const {
  if (count_ == 0) return undefined;
  const auto count = static_cast<double>(count_);
  // A mean over labels, of which the positive count pos_weight times.
  if (task_.kind == TaskKind::binary)
    return yes_or_no(static_cast<double>(per_class_[1]) / count).loss;
  if (task_.kind == TaskKind::multilabel) {
    double sum = 0;
    for (const int64_t there : per_class_)
      sum += yes_or_no(static_cast<double>(there) / count).loss;
    return sum / static_cast<double>(per_class_.size());
  }
  if (has_classes(task_.kind)) return entropy(distribution());
  if (task_.kind == TaskKind::normals)
    return 1 - std::hypot(normal_sum_[0], normal_sum_[1], normal_sum_[2]) / count;
  if (!task_.target.empty()) return measured_.loss(measured_.best());
  double sum = 0;
  if (task_.kind == TaskKind::regression) {
    const double centre = mean();
    for (float value : values_) sum += (value - centre) * (value - centre);
  } else {
    const double centre = median();
    for (float value : values_) sum += std::abs(value - centre);
  }
  return sum / count;
}

std::vector<double> Baseline::constant() const {
  if (count_ == 0) return std::vector<double>(static_cast<size_t>(task_.channels()), undefined);
  switch (task_.kind) {
    case TaskKind::segmentation:
    case TaskKind::classification: {
      std::vector<double> logits = distribution();
      for (double& p : logits) p = std::log(std::max(p, 1e-30));
      return logits;
    }
    case TaskKind::binary:
      return {yes_or_no(static_cast<double>(per_class_[1]) / static_cast<double>(count_)).logit};
    case TaskKind::multilabel: {
      std::vector<double> logits;
      for (const int64_t there : per_class_)
        logits.push_back(yes_or_no(static_cast<double>(there) / static_cast<double>(count_)).logit);
      return logits;
    }
    case TaskKind::normals: {
      const double length = std::hypot(normal_sum_[0], normal_sum_[1], normal_sum_[2]);
      return {normal_sum_[0] / length, normal_sum_[1] / length, normal_sum_[2] / length};
    }
    case TaskKind::regression:
      return {task_.target.empty() ? mean() : measured_.best()};
    default:
      return {median()};
  }
}

}  // namespace weft
