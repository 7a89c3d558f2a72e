// cross_entropy on the GPU: a few lanes of a warp own a row of logits (softmax_rows_cuda.cuh), its
// log-sum-exp in float; losses are summed in double in the fixed tree of engine/cuda/reduce.cuh. A
// label that is no class and not ignored makes its row's loss and gradient NaN: looking for it would
// wait for the device.
#include "engine/cuda/reduce.cuh"
#include "ops/cross_entropy.h"
#include "ops/loss_sum.h"
#include "ops/softmax_rows_cuda.cuh"

namespace weft::kernels {
namespace {

struct Labels {
  const int32_t* ids;
  const float* weights;  ///< of classes; null: 1 each
  int classes;
  bool ignores;
  int32_t ignored;

  Labels(View<const float> logits, View<const int32_t> labels, const CrossEntropyOptions& o)
      : ids(labels.data),
        weights(o.class_weights.defined() ? o.class_weights.data<const float>() : nullptr),
        classes(static_cast<int>(logits.shape.back())),
        ignores(o.ignore_index.has_value()),
        ignored(o.ignore_index.value_or(0)) {}
  __device__ bool valid(int64_t row) const { return !ignores || ids[row] != ignored; }
  __device__ bool is_class(int64_t row) const { return ids[row] >= 0 && ids[row] < classes; }
  __device__ float weight(int64_t row) const {
    return weights != nullptr ? weights[ids[row]] : 1.0F;
  }
  /// The place's loss, its weight and 1, from -log softmax(x)[label].
  __device__ LossSum sum(int64_t row, float loss) const {
    if (!valid(row)) return LossSum{};
    if (!is_class(row)) return LossSum{nan(""), 1, 1};
    const double w = weight(row);
    return LossSum{w * static_cast<double>(loss), w, 1};
  }
};

/// Every place's log_sum and -log softmax(x)[label], or its weighted loss.
__global__ void places_kernel(int64_t rows, int64_t width, int lanes, Labels labels, bool weighted,
                              const float* logits, float* log_sums, float* losses) {
  const Row row(rows, width, lanes);
  const float* x = logits + row.first;
  const float top = row.max(x);
  const float log_sum = logf(row.sum([=](int64_t i) { return expf(x[i] - top); }));
  if (row.width == 0 || row.lane != 0) return;
  const bool counts = labels.valid(row.index) && labels.is_class(row.index);
  const float loss = counts ? (top - x[labels.ids[row.index]]) + log_sum : 0.0F;
  log_sums[row.index] = counts ? log_sum : 0.0F;
  losses[row.index] = weighted ? static_cast<float>(labels.sum(row.index, loss).loss) : loss;
}

/// inverse: 1 / the total weight, which divides one dloss; null where each place has its own.
__global__ void gradient_kernel(int64_t rows, int64_t width, int lanes, Labels labels,
                                const float* logits, const float* log_sums, const double* inverse,
                                const float* dloss, float* dlogits) {
  const Row row(rows, width, lanes);
  const float* x = logits + row.first;
  const float top = row.max(x);  // x - top first, so that large logits lose nothing
  if (row.width == 0) return;
  const int64_t at = row.index;
  float* dx = dlogits + row.first;
  if (!labels.valid(at) || !labels.is_class(at)) {
    const float value = labels.valid(at) ? nanf("") : 0.0F;
    for (int64_t i = row.lane; i < width; i += lanes) dx[i] = value;
    return;
  }
  const double by_place = inverse == nullptr ? static_cast<double>(dloss[at])
                                             : static_cast<double>(dloss[0]) * inverse[0];
  const float by = static_cast<float>(labels.weight(at) * by_place);
  for (int64_t i = row.lane; i < width; i += lanes)
    dx[i] = by * (expf((x[i] - top) - log_sums[at]) - (i == labels.ids[at] ? 1.0F : 0.0F));
}

}  // namespace

template <>
void cross_entropy_forward(CudaContext& ctx, View<const float> logits, View<const int32_t> ids,
                           const CrossEntropyOptions& options, View<float> log_sums,
                           View<float> loss, View<double> total) {
  const Labels labels(logits, ids, options);
  const bool each = total.data == nullptr;
  const Tensor places = each ? Tensor() : Tensor::empty(ids.shape, DType::f32, ctx.memory());
  float* const losses = each ? loss.data : places.data<float>();
  over_rows(ctx, "cross_entropy", logits.shape, places_kernel, labels, each, logits.data,
            log_sums.data, losses);
  if (each) return;
  float* out = loss.data;
  double* out_total = total.data;
  reduce_tree<LossSum>(
      ctx, "cross_entropy", ids.numel(),
      [=] __device__(int64_t row) { return labels.sum(row, losses[row]); },
      [=] __device__(const LossSum& sum) { write_loss(sum, out, out_total); }, block_threads);
}

template <>
void cross_entropy_backward(CudaContext& ctx, View<const float> logits, View<const int32_t> ids,
                            const CrossEntropyOptions& options, View<const float> log_sums,
                            View<const double> total, View<const float> dloss,
                            View<float> dlogits) {
  over_rows(ctx, "cross_entropy_backward", logits.shape, gradient_kernel,
            Labels(logits, ids, options), logits.data, log_sums.data, total.data, dloss.data,
            dlogits.data);
}

}  // namespace weft::kernels
