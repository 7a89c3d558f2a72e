// Ceilings of any device by weft's own ops: a product, a copy.
#include "train/compare/ceiling.h"

#include <algorithm>
#include <limits>

#include "engine/device.h"
#include "engine/device_tensor.h"
#include "engine/tape.h"
#include "ops/cast.h"
#include "ops/conv2d.h"
#include "ops/linear.h"

namespace weft {

double least_milliseconds(const AnyContext& context, int64_t reps,
                          const std::function<void()>& work, int calls) {
  const int in_a_row = is_asynchronous(context) ? calls : 1;
  double best = std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i <= reps; ++i) {
    const double ms = milliseconds(context, [&] {
      for (int call = 0; call < in_a_row; ++call) work();
    });
    if (i > 0) best = std::min(best, ms / in_a_row);
  }
  return best;
}

double matrix_peak_gflops(const AnyContext& context, Precision precision) {
  bool parts = false;
  if (precision == Precision::f32)
    on_device(context, DType::f32,
              [&](auto& ctx, auto) { parts = kernels::multiplies_parts(ctx); });
  const DType dtype = parts || precision == Precision::bf16 ? DType::bf16 : DType::f32;
  constexpr int64_t n = 8192;
  Tape tape(context, Tape::Mode::no_grad);
  const Var ones = tape.constant(tape.empty({n, n}, DType::f32));
  fill_with(context, ones.value(), 0.001);
  const Var a = cast(ones, dtype);
  return 2e-6 * static_cast<double>(n * n * n) / (parts ? 6 : 1) /
         least_milliseconds(context, 3, [&] { linear(a, a); });
}

double copy_peak_gbs(const AnyContext& context) {
  const int64_t n = is_asynchronous(context) ? int64_t{1} << 28 : int64_t{1} << 25;
  const Tensor from = Tensor::empty({n}, DType::f32, memory_of(context));
  const Tensor to = Tensor::empty({n}, DType::f32, memory_of(context));
  fill_with(context, from, 1.0);
  const double ms = least_milliseconds(context, 3, [&] { copy_to(context, to, from); });
  return 2e-6 * static_cast<double>(from.bytes()) / ms;
}

}  // namespace weft
