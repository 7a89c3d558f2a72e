// cross_entropy on the GPU: a thread owns a row of logits, its log-sum-exp in float; losses are
// summed in double in the fixed tree of engine/cuda/reduce.cuh, a row a thread. A label that is no class and not
// ignored makes its row's loss and gradient NaN: looking for it would wait for the device.
#include "engine/cuda/reduce.cuh"
#include "ops/cross_entropy.h"
#include "ops/loss_sum.h"

namespace weft::kernels {
namespace {

struct Rows {
  const float *logits, *weights;  ///< weights may be null: 1 each
  const int32_t* labels;
  int classes;
  bool ignores;
  int32_t ignored;

  Rows(View<const float> x, View<const int32_t> ids, const CrossEntropyOptions& o)
      : logits(x.data),
        weights(o.class_weights.defined() ? o.class_weights.data<const float>() : nullptr),
        labels(ids.data),
        classes(static_cast<int>(x.shape.back())),
        ignores(o.ignore_index.has_value()),
        ignored(o.ignore_index.value_or(0)) {}
  __device__ bool valid(int64_t row) const { return !ignores || labels[row] != ignored; }
  __device__ bool is_class(int64_t row) const { return labels[row] >= 0 && labels[row] < classes; }
  __device__ float weight(int64_t row) const {
    return weights != nullptr ? weights[labels[row]] : 1.0F;
  }
  __device__ float top(const float* x) const {
    float most = x[0];
    for (int i = 1; i < classes; ++i) most = x[i] > most ? x[i] : most;
    return most;
  }
  /// The place's loss, its weight and 1; and its log_sum.
  __device__ LossSum loss(int64_t row, float* log_sum) const {
    *log_sum = 0;
    if (!valid(row)) return LossSum{};
    if (!is_class(row)) return LossSum{nan(""), 1, 1};
    const float* x = logits + row * classes;
    const float most = top(x);
    float sum = 0;
    for (int i = 0; i < classes; ++i) sum += expf(x[i] - most);
    *log_sum = logf(sum);
    const double w = weight(row);
    return LossSum{w * static_cast<double>((most - x[labels[row]]) + *log_sum), w, 1};
  }
};

}  // namespace

template <>
void cross_entropy_forward(CudaContext& ctx, View<const float> logits, View<const int32_t> labels,
                           const CrossEntropyOptions& options, View<float> log_sums,
                           View<float> loss, View<double> total) {
  const Rows rows(logits, labels, options);
  float *sums = log_sums.data, *out = loss.data;
  double* out_total = total.data;
  if (out_total == nullptr)
    return for_each(ctx, "cross_entropy_each", labels.numel(), [=] __device__(int64_t row) {
      out[row] = static_cast<float>(rows.loss(row, sums + row).loss);
    });
  reduce_tree<LossSum>(
      ctx, "cross_entropy", labels.numel(),
      [=] __device__(int64_t row) { return rows.loss(row, sums + row); },
      [=] __device__(const LossSum& sum) { write_loss(sum, out, out_total); }, block_threads);
}

template <>
void cross_entropy_backward(CudaContext& ctx, View<const float> logits, View<const int32_t> labels,
                            const CrossEntropyOptions& options, View<const float> log_sums,
                            View<const double> total, View<const float> dloss,
                            View<float> dlogits) {
  const Rows rows(logits, labels, options);
  const float *sums = log_sums.data, *dout = dloss.data;
  const double* inverse = total.data;
  float* out = dlogits.data;
  for_each(ctx, "cross_entropy_backward", labels.numel(), [=] __device__(int64_t row) {
    const float* x = rows.logits + row * rows.classes;
    float* dx = out + row * rows.classes;
    if (!rows.valid(row) || !rows.is_class(row)) {
      const float value = rows.valid(row) ? nanf("") : 0.0F;
      for (int i = 0; i < rows.classes; ++i) dx[i] = value;
      return;
    }
    const double by_place = inverse == nullptr ? static_cast<double>(dout[row])
                                               : static_cast<double>(dout[0]) * inverse[0];
    const float by = static_cast<float>(rows.weight(row) * by_place);
    const float top = rows.top(x);  // x - top first, so that large logits lose nothing
    for (int i = 0; i < rows.classes; ++i)
      dx[i] = by * (expf((x[i] - top) - sums[row]) - (i == rows.labels[row] ? 1.0F : 0.0F));
  });
}

}  // namespace weft::kernels
