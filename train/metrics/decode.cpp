// Predictions in label form; see decode.h. Rows are planar, [channel][x], so that the loops over x
// (interpolation, argmax, normalisation) vectorise.
#include "train/metrics/decode.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace weft {
namespace {

/// Of a decoded prediction.
int decoded_channels(const TaskSpec& task) {
  return task.kind == TaskKind::normals ? 3 : task.kind == TaskKind::multilabel ? task.classes : 1;
}

/// The index of the largest channel, the first of equals; NaN where any channel is NaN.
void argmax(const double* row, int64_t channels, int64_t width, double* best, double* id) {
  std::copy_n(row, width, best);
  std::fill_n(id, width, 0.0);
  for (int64_t c = 1; c < channels; ++c) {
    const double* __restrict value = row + c * width;
    const double number = static_cast<double>(c);
    for (int64_t x = 0; x < width; ++x) {
      id[x] = value[x] > best[x] ? number : id[x];
      best[x] = value[x] <= best[x] ? best[x] : best[x] == best[x] ? value[x] : best[x];
    }
  }
  for (int64_t x = 0; x < width; ++x) id[x] = best[x] == best[x] ? id[x] : best[x];
}

void normalize(const double* row, int64_t width, double* unit) {
  for (int64_t i = 0; i < width; ++i) {
    const double x = row[i], y = row[width + i], z = row[2 * width + i];
    const double inverse = 1 / std::max(std::sqrt(x * x + y * y + z * z), 1e-12);
    unit[i] = x * inverse;
    unit[width + i] = y * inverse;
    unit[2 * width + i] = z * inverse;
  }
}

}  // namespace

DecodedRows::DecodedRows(const TaskSpec& task, Semantics semantics, const Tensor& prediction,
                         const Geometry& geometry, int64_t n, int64_t height, int64_t width)
    : task_(task), width_(width) {
  const Shape& shape = prediction.shape();
  if (shape.rank() != 4 || shape[3] != task.channels())
    throw ShapeError(fmt::format("task '{}': predictions of {} are [N, h, w, {}], got {}",
                                 task.name, name_of(task.kind), task.channels(), shape));
  in_height_ = shape[1], in_width_ = shape[2], channels_ = shape[3];
  const Axes axes(task, semantics, geometry, in_height_, in_width_, height, width);
  rows_ = outputs_around(axes.rows);
  wide_.resize(static_cast<size_t>(in_height_ * channels_ * width_));
  grown_.resize(static_cast<size_t>(channels_ * width_));
  decoded_.resize(static_cast<size_t>(std::max(decoded_channels(task), 2) * width_));
  widen(prediction, n, outputs_around(axes.columns));
}

void DecodedRows::widen(const Tensor& prediction, int64_t n, const std::vector<Between>& columns) {
  const auto fill = [&](const auto* in) {
    in += n * in_height_ * in_width_ * channels_;
    double* out = wide_.data();
    for (int64_t y = 0; y < in_height_; ++y, in += in_width_ * channels_)
      for (int64_t c = 0; c < channels_; ++c)
        for (const Between& at : columns) {
          const double low = in[at.low * channels_ + c], high = in[at.high * channels_ + c];
          *out++ = (1 - at.high_share) * low + at.high_share * high;
        }
  };
  if (prediction.dtype() == DType::f64)
    fill(prediction.data<double>());
  else
    fill(prediction.data<float>());
}

const double* DecodedRows::grown(int64_t y) {
  const Between& at = rows_[static_cast<size_t>(y)];
  const int64_t row = channels_ * width_;
  const double* low = wide_.data() + at.low * row;
  if (at.high_share == 0) return low;
  const double* high = wide_.data() + at.high * row;
  double* __restrict out = grown_.data();
  for (int64_t i = 0; i < row; ++i) out[i] = (1 - at.high_share) * low[i] + at.high_share * high[i];
  return out;
}

const double* DecodedRows::row(int64_t y) {
  const double* logits = grown(y);
  double* out = decoded_.data();
  switch (task_.kind) {
    case TaskKind::segmentation:
    case TaskKind::classification:
      argmax(logits, channels_, width_, out + width_, out);
      return out;
    case TaskKind::normals:
      normalize(logits, width_, out);
      return out;
    case TaskKind::binary:
    case TaskKind::multilabel:
      for (int64_t x = 0; x < channels_ * width_; ++x)
        out[x] = std::isnan(logits[x]) ? logits[x] : logits[x] > 0;
      return out;
    default:
      return logits;
  }
}

Picture predicted_label(const TaskSpec& task, Semantics semantics, const Tensor& prediction,
                        const Geometry& geometry, int n, int height, int width) {
  const int channels = decoded_channels(task);
  Picture picture(height, width, channels);
  DecodedRows rows(task, semantics, prediction, geometry, n, height, width);
  for (int y = 0; y < height; ++y) {
    const double* row = rows.row(y);
    float* out = picture.at(y, 0);
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) *out++ = static_cast<float>(row[c * width + x]);
  }
  return picture;
}

std::vector<double> class_probabilities(const TaskSpec& task, const Tensor& prediction, int64_t n) {
  if (!task.one_class() && task.kind != TaskKind::multilabel) return {};
  const int64_t each = prediction.numel() / prediction.shape()[0];
  const auto logit = [&](int64_t c) {
    const int64_t at = n * each + c;
    return prediction.dtype() == DType::f64 ? prediction.data<double>()[at]
                                            : static_cast<double>(prediction.data<float>()[at]);
  };
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  double largest = logit(0), sum = 0;
  for (int64_t c = 0; c < task.channels(); ++c) {
    if (std::isnan(logit(c))) return {};
    largest = std::max(largest, logit(c));
  }
  if (task.kind == TaskKind::binary) return {sigmoid(-logit(0)), sigmoid(logit(0))};
  std::vector<double> out;
  for (int64_t c = 0; c < task.channels(); ++c) {
    const bool sets = task.kind == TaskKind::multilabel;
    out.push_back(sets ? sigmoid(logit(c)) : std::exp(logit(c) - largest));
    sum += sets ? 0 : out.back();
  }
  if (sum > 0)
    for (double& p : out) p /= sum;
  return out;
}

}  // namespace weft
