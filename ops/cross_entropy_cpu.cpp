// cross_entropy on the CPU: rows of logits, log-sum-exp in the dtype, losses summed in double over
// fixed chunks of places.
#include "ops/cross_entropy.h"
#include "ops/loss_sum.h"
#include "ops/softmax_rows.h"

namespace weft::kernels {
namespace {

/// Class weights of a label: 1 each where none are given.
template <class T>
struct LabelWeights {
  const T* weights;
  std::optional<int32_t> ignore_index;

  explicit LabelWeights(const CrossEntropyOptions& options)
      : weights(options.class_weights.defined() ? options.class_weights.data<T>() : nullptr),
        ignore_index(options.ignore_index) {}
  bool valid(int32_t label) const { return !ignore_index || label != *ignore_index; }
  double operator()(int32_t label) const {
    return weights ? static_cast<double>(weights[label]) : 1.0;
  }
};

int64_t row_chunk(int64_t classes) { return std::max<int64_t>(1, pointwise_chunk / 4 / classes); }

}  // namespace

template <class T>
void cross_entropy_forward(CpuContext& ctx, View<const T> logits, View<const int32_t> labels,
                           const CrossEntropyOptions& options, View<T> log_sums, View<T> loss,
                           View<double> total) {
  const int64_t classes = logits.shape.back();
  const LabelWeights<T> weight(options);
  const auto place = [&](int64_t row) {
    log_sums[row] = 0;
    if (!weight.valid(labels[row])) return LossSum{};
    const T* __restrict x = logits.data + row * classes;
    const T top = row_max(x, classes);
    const T log_sum =
        std::log(row_sum<T>(classes, [&](int64_t i) { return exp_negative(x[i] - top); }));
    log_sums[row] = log_sum;
    const double w = weight(labels[row]);
    return LossSum{w * static_cast<double>((top - x[labels[row]]) + log_sum), w, 1};
  };
  if (total.data == nullptr)
    return for_rows(ctx, labels.numel(), classes,
                    [&](int64_t row) { loss[row] = static_cast<T>(place(row).loss); });
  const auto chunk_sum = [&](int64_t begin, int64_t end) {
    LossSum sum;
    for (int64_t row = begin; row < end; ++row) sum += place(row);
    return sum;
  };
  write_loss(reduce_tree<LossSum>(ctx, labels.numel(), chunk_sum, row_chunk(classes)), loss.data,
             total.data);
}

template <class T>
void cross_entropy_backward(CpuContext& ctx, View<const T> logits, View<const int32_t> labels,
                            const CrossEntropyOptions& options, View<const T> log_sums,
                            View<const double> total, View<const T> dloss, View<T> dlogits) {
  const int64_t classes = logits.shape.back();
  const LabelWeights<T> weight(options);
  const bool each = total.data == nullptr;
  const double by_all = each ? 0 : static_cast<double>(dloss[0]) * total[0];
  for_rows(ctx, labels.numel(), classes, [&](int64_t row) {
    const T* __restrict x = logits.data + row * classes;
    T* __restrict dx = dlogits.data + row * classes;
    if (!weight.valid(labels[row])) {
      std::fill_n(dx, classes, T(0));
      return;
    }
    const double by_place = each ? static_cast<double>(dloss[row]) : by_all;
    const T by = static_cast<T>(weight(labels[row]) * by_place), log_sum = log_sums[row];
    const T top = row_max(x, classes);  // x - top first, so that large logits lose nothing
    for (int64_t i = 0; i < classes; ++i) dx[i] = by * exp_negative((x[i] - top) - log_sum);
    dx[labels[row]] -= by;
  });
}

#define WEFT_INSTANTIATE(T)                                                                        \
  template void cross_entropy_forward(CpuContext&, View<const T>, View<const int32_t>,             \
                                      const CrossEntropyOptions&, View<T>, View<T>, View<double>); \
  template void cross_entropy_backward(CpuContext&, View<const T>, View<const int32_t>,            \
                                       const CrossEntropyOptions&, View<const T>,                  \
                                       View<const double>, View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
