// Cross-entropy of logits [.., C] against class ids [..], i32: the mean over valid places of
// -log softmax(x)[label], or with class weights w: sum w[label] l / sum w[label] (PyTorch's).
// A place is valid where its label is not ignore_index; no valid place: loss 0, gradient 0.
// dx_i = w (softmax(x)_i - [i = label]) dy / sum w. Retains the logits, the labels, each place's
// log sum_j exp(x_j - max x), and the total weight.
#pragma once

#include <optional>

#include "engine/tape.h"

namespace weft {

struct CrossEntropyOptions {
  std::optional<int32_t> ignore_index = {};
  Tensor class_weights = {};  ///< [C] of the logits' dtype; undefined: all 1
};

/// A label outside 0 .. C-1 that is not ignored is a DataError that names it; on a GPU, where
/// looking would wait for the device, it makes the loss NaN (readers check on the host). `valid`,
/// where given, becomes a tensor of one f64: the number of valid places.
Var cross_entropy(const Var& logits, const Tensor& labels, const CrossEntropyOptions& = {},
                  Tensor* valid = nullptr, SourceLoc = SourceLoc::here());
/// Every place's w[label] l, not divided: [..], 0 where it is ignored; its gradient is
/// w (softmax(x)_i - [i = label]) dy (PyTorch's reduction "none"). A wrong label: as above.
Var cross_entropy_each(const Var& logits, const Tensor& labels, const CrossEntropyOptions& = {},
                       SourceLoc = SourceLoc::here());

namespace kernels {

/// loss [], total [2] (ops/loss_sum.h) and log_sums [..]. A total without data: loss [..], each
/// place's own.
template <class T>
void cross_entropy_forward(CpuContext&, View<const T> logits, View<const int32_t> labels,
                           const CrossEntropyOptions&, View<T> log_sums, View<T> loss,
                           View<double> total);
template <class T>
void cross_entropy_forward(CudaContext&, View<const T> logits, View<const int32_t> labels,
                           const CrossEntropyOptions&, View<T> log_sums, View<T> loss,
                           View<double> total);
template <class T>
void cross_entropy_backward(CpuContext&, View<const T> logits, View<const int32_t> labels,
                            const CrossEntropyOptions&, View<const T> log_sums,
                            View<const double> total, View<const T> dloss, View<T> dlogits);
template <class T>
void cross_entropy_backward(CudaContext&, View<const T> logits, View<const int32_t> labels,
                            const CrossEntropyOptions&, View<const T> log_sums,
                            View<const double> total, View<const T> dloss, View<T> dlogits);

}  // namespace kernels
}  // namespace weft
