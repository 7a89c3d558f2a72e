// TaskMetrics: one accumulator per kind of task. All sums are in f64 and in order of pixels, so the
// same batches give the same bits.
#include "train/metrics/metrics.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "train/metrics/angles.h"
#include "train/metrics/decode.h"
#include "train/metrics/labels.h"
#include "train/metrics/recalls.h"

namespace weft {

class TaskMetrics::Accumulator {
 public:
  Accumulator(const TaskSpec& task, Semantics semantics) : task_(task), semantics_(semantics) {}
  virtual ~Accumulator() = default;
  virtual void add(const Tensor& prediction, const Tensor& labels, const Geometry&) = 0;
  virtual void finish(std::vector<std::pair<const char*, Measure>>& out) const = 0;

  const TaskSpec& task() const { return task_; }
  Semantics semantics() const { return semantics_; }
  bool compat() const { return semantics_ == Semantics::compat; }

 protected:
  /// Calls f(decoded prediction [C][W], labels [W][C]) for every row of every image.
  template <class F>
  void for_rows(const Tensor& prediction, const Tensor& labels, const Geometry& geometry,
                F&& f) const {
    const int64_t images = labels.shape()[0], height = labels.shape()[1], width = labels.shape()[2],
                  row = labels.shape().inner(2);
    const float* label = labels.data<float>();
    for (int64_t n = 0; n < images; ++n) {
      DecodedRows rows(task_, semantics_, prediction, geometry, n, height, width);
      for (int64_t y = 0; y < height; ++y, label += row) f(rows.row(y), label);
    }
  }

 private:
  TaskSpec task_;
  Semantics semantics_;
};

namespace {

using Accumulator = TaskMetrics::Accumulator;
using Values = std::vector<std::pair<const char*, Measure>>;

/// factor sum / count; absent where nothing was counted.
Measure ratio(double sum, double count, double factor = 1) {
  if (count <= 0) return std::nullopt;
  return factor * (sum / count);
}

Measure root(const Measure& square) {
  if (!square) return square;
  return std::sqrt(*square);
}

/// A mean over pixels: sound pools them; compat takes each batch's mean, weighted by its images.
struct Mean {
  double sum = 0, weight = 0;

  void add_batch(double batch_sum, double pixels, int64_t images, bool compat) {
    if (pixels <= 0) return;
    sum += compat ? batch_sum / pixels * static_cast<double>(images) : batch_sum;
    weight += compat ? static_cast<double>(images) : pixels;
  }
  Measure value(double factor = 1) const { return ratio(sum, weight, factor); }
};

class Segmentation final : public Accumulator {
 public:
  Segmentation(const TaskSpec& task, Semantics semantics)
      : Accumulator(task, semantics),
        confusion_(static_cast<size_t>(task.classes) * static_cast<size_t>(task.classes + 1)),
        recalls_(task.classes) {}

  void add(const Tensor& prediction, const Tensor& labels, const Geometry& geometry) override {
    const int64_t width = labels.shape()[2], classes = task().classes;
    int64_t right = 0, counted = 0;
    for_rows(prediction, labels, geometry, [&](const double* ids, const float* label) {
      for (int64_t x = 0; x < width; ++x) {
        if (std::isnan(label[x])) continue;
        const auto truth = static_cast<int64_t>(label[x]);
        const int64_t guess = std::isnan(ids[x]) ? classes : static_cast<int64_t>(ids[x]);
        ++confusion_[static_cast<size_t>(truth * (classes + 1) + guess)];
        recalls_.add(truth, truth == guess);
        right += truth == guess;
        ++counted;
      }
    });
    // The official mask is `label < classes`, which an ignore id of -1 passes and 255 does not.
    if (compat() && task().ignore.value_or(0) < 0) counted = labels.numel();
    accuracy_.add_batch(static_cast<double>(right), static_cast<double>(counted), labels.shape()[0],
                        compat());
  }

  void finish(Values& out) const override {
    out.emplace_back("miou", mean_iou());
    out.emplace_back("pixel_acc", accuracy_.value(100));
    out.emplace_back("balanced_accuracy", recalls_.balanced_accuracy());
  }

 private:
  Measure mean_iou() const {
    const auto classes = static_cast<size_t>(task().classes), width = classes + 1;
    double sum = 0, present = 0;
    for (size_t c = 0; c < classes; ++c) {
      int64_t labelled = confusion_[c * width + classes], predicted = 0;
      for (size_t i = 0; i < classes; ++i) {
        labelled += confusion_[c * width + i];
        predicted += confusion_[i * width + c];
      }
      const int64_t right = confusion_[c * width + c], all = labelled + predicted - right;
      if (compat() ? right == 0 : all == 0) continue;
      sum += static_cast<double>(right) / static_cast<double>(all);
      present += 1;
    }
    return ratio(sum, present, 100);
  }

  std::vector<int64_t>
      confusion_;  // [label][prediction]; the last column: none, its logits are NaN
  Mean accuracy_;
  Recalls recalls_;
};

class Normals final : public Accumulator {
 public:
  using Accumulator::Accumulator;

  void add(const Tensor& prediction, const Tensor& labels, const Geometry& geometry) override {
    const int64_t width = labels.shape()[2];
    for_rows(prediction, labels, geometry, [&](const double* unit, const float* label) {
      for (int64_t x = 0; x < width; ++x) {
        const double a = label[3 * x], b = label[3 * x + 1], c = label[3 * x + 2];
        if (std::isnan(a)) continue;
        const double dot = a * unit[x] + b * unit[width + x] + c * unit[2 * width + x];
        angles_.add(dot / std::sqrt(a * a + b * b + c * c));
      }
    });
  }

  void finish(Values& out) const override {
    const auto angle = [&](const char* name, double value) {
      out.emplace_back(name, angles_.count() > 0 ? Measure(value) : std::nullopt);
    };
    angle("angle_mean", angles_.mean());
    angle("angle_median", angles_.median());
    angle("within_11.25", 100 * angles_.within(0));
    angle("within_22.5", 100 * angles_.within(1));
    angle("within_30", 100 * angles_.within(2));
    angle("within_45", 100 * angles_.within(3));
    angle("angle_rmse", angles_.rmse());
    angle("cosine", angles_.mean_cosine());
  }

 private:
  AngleTally angles_;
};

class Depth final : public Accumulator {
 public:
  using Accumulator::Accumulator;

  void add(const Tensor& prediction, const Tensor& labels, const Geometry& geometry) override {
    const int64_t width = labels.shape()[2];
    double abs = 0, rel = 0, sq_rel = 0, pixels = 0;
    for_rows(prediction, labels, geometry, [&](const double* metres, const float* label) {
      for (int64_t x = 0; x < width; ++x) {
        if (std::isnan(label[x])) continue;
        const double p = metres[x], g = label[x], error = std::abs(p - g), square = error * error;
        abs += error;
        rel += error / g;
        sq_rel += square / g;
        squares_ += square;
        pixels += 1;
        // Two comparisons and no max(): a NaN prediction is a miss.
        double bound = 1;
        for (double& hits : hits_) {
          bound *= 1.25;
          hits += (compat() || p > 0) && p / g <= bound && g / p <= bound;
        }
      }
    });
    pixels_ += pixels;
    abs_.add_batch(abs, pixels, labels.shape()[0], compat());
    rel_.add_batch(rel, pixels, labels.shape()[0], compat());
    sq_rel_.add_batch(sq_rel, pixels, labels.shape()[0], compat());
  }

  void finish(Values& out) const override {
    out.emplace_back("abs", abs_.value());
    out.emplace_back("rel", rel_.value());
    out.emplace_back("delta_1.25", ratio(hits_[0], pixels_, 100));
    out.emplace_back("delta_1.25^2", ratio(hits_[1], pixels_, 100));
    out.emplace_back("delta_1.25^3", ratio(hits_[2], pixels_, 100));
    out.emplace_back("sq_rel", sq_rel_.value());
    out.emplace_back("rms", root(ratio(squares_, pixels_)));
  }

 private:
  Mean abs_, rel_, sq_rel_;
  double hits_[3] = {}, squares_ = 0, pixels_ = 0;
};

/// Edges and keypoints.
class AbsoluteError final : public Accumulator {
 public:
  using Accumulator::Accumulator;

  void add(const Tensor& prediction, const Tensor& labels, const Geometry& geometry) override {
    const int64_t width = labels.shape()[2];
    double sum = 0, pixels = 0;
    for_rows(prediction, labels, geometry, [&](const double* values, const float* label) {
      for (int64_t x = 0; x < width; ++x) {
        if (std::isnan(label[x])) continue;
        sum += std::abs(values[x] - label[x]);
        pixels += 1;
      }
    });
    abs_.add_batch(sum, pixels, labels.shape()[0], compat());
  }

  void finish(Values& out) const override { out.emplace_back("abs", abs_.value()); }

 private:
  Mean abs_;
};

/// Classification and binary labels; a binary task's logits are kept for the ranking metrics.
class Accuracy final : public Accumulator {
 public:
  Accuracy(const TaskSpec& task, Semantics semantics)
      : Accumulator(task, semantics), recalls_(ranks() ? 2 : task.classes) {}

  void add(const Tensor& prediction, const Tensor& labels, const Geometry& geometry) override {
    const int64_t width = labels.shape()[2];
    double right = 0, counted = 0;
    for_rows(prediction, labels, geometry, [&](const double* ids, const float* label) {
      for (int64_t x = 0; x < width; ++x) {
        if (std::isnan(label[x])) continue;
        const bool found = static_cast<double>(label[x]) == ids[x];
        recalls_.add(static_cast<int64_t>(label[x]), found);
        counted += 1;
        right += found;
      }
    });
    accuracy_.add_batch(right, counted, labels.shape()[0], compat());
    if (ranks()) keep_scores(prediction, labels);
  }

  void finish(Values& out) const override {
    out.emplace_back("accuracy", accuracy_.value(100));
    if (ranks()) {
      out.emplace_back("auroc", auroc(scores_, positive_));
      out.emplace_back("average_precision", average_precision(scores_, positive_));
    } else {
      out.emplace_back("balanced_accuracy", recalls_.balanced_accuracy());
    }
  }

 private:
  bool ranks() const { return task().kind == TaskKind::binary; }
  void keep_scores(const Tensor& prediction, const Tensor& labels) {
    if (prediction.numel() != labels.numel())
      throw ShapeError(fmt::format("task '{}': one logit per label, got {} for labels {}",
                                   task().name, prediction.shape(), labels.shape()));
    const std::vector<double> logits = prediction.to_vector();
    const float* label = labels.data<float>();
    for (size_t i = 0; i < logits.size(); ++i) {
      if (std::isnan(label[i])) continue;
      scores_.push_back(logits[i]);
      positive_.push_back(label[i] == 1);
    }
  }

  Mean accuracy_;
  Recalls recalls_;
  std::vector<double> scores_;
  std::vector<bool> positive_;
};

class Regression final : public Accumulator {
 public:
  Regression(const TaskSpec& task, Semantics semantics, double deviation)
      : Accumulator(task, semantics), deviation_(deviation) {}

  void add(const Tensor& prediction, const Tensor& labels, const Geometry& geometry) override {
    const int64_t width = labels.shape()[2];
    for_rows(prediction, labels, geometry, [&](const double* values, const float* label) {
      for (int64_t x = 0; x < width; ++x) {
        if (std::isnan(label[x])) continue;
        errors_.push_back(deviation_ * (values[x] - label[x]));
        labels_.push_back(deviation_ * label[x]);
      }
    });
  }

  void finish(Values& out) const override {
    const auto count = static_cast<double>(labels_.size());
    double abs = 0, squares = 0, sum = 0, spread = 0;
    for (double label : labels_) sum += label;
    for (size_t i = 0; i < labels_.size(); ++i) {
      abs += std::abs(errors_[i]);
      squares += errors_[i] * errors_[i];
      const double from_mean = labels_[i] - sum / count;
      spread += from_mean * from_mean;
    }
    out.emplace_back("mae", ratio(abs, count));
    out.emplace_back("rmse", root(ratio(squares, count)));
    const Measure left = ratio(squares, spread);
    out.emplace_back("r2", left ? Measure(1 - *left) : std::nullopt);
  }

 private:
  double deviation_;
  std::vector<double> errors_, labels_;
};

std::unique_ptr<Accumulator> accumulator_of(const TaskSpec& task, Semantics semantics,
                                            double deviation) {
  switch (task.kind) {
    case TaskKind::segmentation:
      return std::make_unique<Segmentation>(task, semantics);
    case TaskKind::normals:
      return std::make_unique<Normals>(task, semantics);
    case TaskKind::depth:
      return std::make_unique<Depth>(task, semantics);
    case TaskKind::edges:
    case TaskKind::keypoints:
      return std::make_unique<AbsoluteError>(task, semantics);
    case TaskKind::classification:
    case TaskKind::binary:
      return std::make_unique<Accuracy>(task, semantics);
    case TaskKind::regression:
      return std::make_unique<Regression>(task, semantics, deviation);
  }
  return nullptr;
}

}  // namespace

TaskMetrics::TaskMetrics(const TaskSpec& task, Semantics semantics, double deviation)
    : accumulator_(accumulator_of(task, semantics, deviation)) {}
TaskMetrics::TaskMetrics(TaskMetrics&&) noexcept = default;
TaskMetrics& TaskMetrics::operator=(TaskMetrics&&) noexcept = default;
TaskMetrics::~TaskMetrics() = default;

void TaskMetrics::add(const Tensor& prediction, const Tensor& target, const Geometry& geometry) {
  const TaskSpec& task = accumulator_->task();
  if (prediction.shape().rank() != 4 || target.shape().rank() != 4 ||
      prediction.shape()[0] != target.shape()[0])
    throw ShapeError(fmt::format("task '{}': predictions {} and labels {} are not of one batch",
                                 task.name, prediction.shape(), target.shape()));
  const auto count_faults = [&](const auto* values) {
    for (int64_t i = 0; i < prediction.numel(); ++i) faults_ += !std::isfinite(values[i]);
  };
  if (prediction.dtype() == DType::f64)
    count_faults(prediction.data<double>());
  else
    count_faults(prediction.data<float>());
  accumulator_->add(prediction, labels_of(task, accumulator_->semantics(), target), geometry);
}

void TaskMetrics::add_loss(double loss, double weight) {
  loss_sum_ += loss * weight;
  loss_weight_ += weight;
}

Measure TaskMetrics::loss() const { return ratio(loss_sum_, loss_weight_); }

std::vector<Metric> TaskMetrics::finish() const {
  Values values;
  accumulator_->finish(values);
  if (accumulator_->task().kind == TaskKind::segmentation && loss_weight_ > 0)
    values.emplace_back("err", loss());
  std::vector<Metric> metrics;
  for (const auto& [name, value] : values) metrics.push_back({name, value, higher_is_better(name)});
  return metrics;
}

}  // namespace weft
