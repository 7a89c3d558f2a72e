// cross_entropy: checks, record and backward.
#include "ops/cross_entropy.h"

namespace weft {
namespace {

constexpr const char *op_name = "cross_entropy", *each_name = "cross_entropy_each";

struct CrossEntropy final : Op {
  Tensor logits, labels, log_sums, total;  // total: undefined where each place has its loss
  CrossEntropyOptions options;

  const char* name() const override { return total.defined() ? op_name : each_name; }
  View<double> total_view() const {
    return total.defined() ? total.view<double>() : View<double>{};
  }
  void backward(Backward& b) override {
    const Tensor dlogits = b.din(0);
    on_device_full(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::cross_entropy_backward<T>(ctx, logits.view<T>(), labels.view<int32_t>(), options,
                                         log_sums.view<T>(), total_view(), b.dout().view<T>(),
                                         dlogits.view<T>());
    });
  }
};

Shape without_last(const Shape& shape) {
  Shape outer;
  for (int axis = 0; axis + 1 < shape.rank(); ++axis) outer.push_back(shape[axis]);
  return outer;
}

void check(const char* name, const Var& logits, const Tensor& labels,
           const CrossEntropyOptions& options, SourceLoc loc) {
  const Shape& shape = logits.shape();
  if (shape.rank() < 1 || shape.back() < 1)
    shape_error(name, loc, "logits need classes on the last axis, got {}", shape);
  if (labels.shape() != without_last(shape) || labels.dtype() != DType::i32)
    shape_error(name, loc, "labels are {} {}, logits {} need i32 {}", name_of(labels.dtype()),
                labels.shape(), shape, without_last(shape));
  const Tensor& weights = options.class_weights;
  if (weights.defined() &&
      (weights.shape() != Shape{shape.back()} || weights.dtype() != logits.dtype()))
    shape_error(name, loc, "class weights are {} {}, logits {} {} need {} [{}]",
                name_of(weights.dtype()), weights.shape(), name_of(logits.dtype()), shape,
                name_of(logits.dtype()), shape.back());
}

void check_labels(const char* name, const Tensor& labels, int64_t classes,
                  std::optional<int32_t> ignore_index, SourceLoc loc) {
  if (!labels.on_host()) return;
  const int32_t* ids = labels.data<int32_t>();
  for (int64_t i = 0; i < labels.numel(); ++i)
    if ((ids[i] < 0 || ids[i] >= classes) && ids[i] != ignore_index)
      throw DataError(fmt::format(
          "{}: label {} at place {} of {} is outside 0..{} and is not ignored{}; map it to a class "
          "or to the ignored id ({})",
          name, ids[i], i, labels.shape(), classes - 1,
          ignore_index ? fmt::format(" (ignored: {})", *ignore_index) : "", loc.str()));
}

Var record(bool each, const Var& logits, const Tensor& labels, const CrossEntropyOptions& options,
           Tensor* valid, SourceLoc loc) {
  const char* name = each ? each_name : op_name;
  Tape& tape = Tape::of(name, loc, logits, labels, options.class_weights);
  check(name, logits, labels, options, loc);
  check_labels(name, labels, logits.shape().back(), options.ignore_index, loc);
  auto op = std::make_unique<CrossEntropy>();
  op->logits = logits.value();
  op->labels = labels;
  op->options = options;
  op->log_sums = tape.empty(labels.shape(), logits.dtype());
  if (!each) op->total = tape.empty({2}, DType::f64);
  Tensor loss = tape.empty(each ? labels.shape() : Shape{}, logits.dtype());
  on_device_full(tape, logits, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    const View<const int32_t> ids = labels.view<int32_t>();
    kernels::cross_entropy_forward<T>(ctx, logits.value().view<T>(), ids, options,
                                      op->log_sums.template view<T>(), loss.view<T>(),
                                      op->total_view());
  });
  if (valid) *valid = op->total.rows(1, 1);
  return tape.record(std::move(op), {logits}, std::move(loss), loc);
}

}  // namespace

Var cross_entropy(const Var& logits, const Tensor& labels, const CrossEntropyOptions& options,
                  Tensor* valid, SourceLoc loc) {
  return record(false, logits, labels, options, valid, loc);
}

Var cross_entropy_each(const Var& logits, const Tensor& labels, const CrossEntropyOptions& options,
                       SourceLoc loc) {
  return record(true, logits, labels, options, nullptr, loc);
}

}  // namespace weft
