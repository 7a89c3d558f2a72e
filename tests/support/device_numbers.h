// Kernels on a GPU one by one, on whole numbers: small ones make every sum exact in f32, so whatever
// a kernel's order and rounding, its result is the CPU's f64 to the last bit (in bf16, that rounded),
// and a wrong place shows.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/device.h"
#include "ops/cast.h"
#include "tests/support/op_check.h"

namespace weft {

inline CudaContext& context_of(const Device& device) {
  return *std::get<CudaContext*>(device.context());
}

/// Whole numbers from -3 to 3.
inline Values numbers(const Shape& shape, int64_t seed) {
  Values v;
  for (int64_t i = 0; i < shape.numel(); ++i)
    v.push_back(static_cast<double>((i * 2654435761 + seed * 40503) >> 7 & 1023) - 512);
  for (double& x : v) x = std::floor(x / 147) + (x < 0 ? 1 : 0);
  return v;
}

/// On the device, rounded to a type that the host may not have; and back.
inline Tensor on_gpu(CudaContext& ctx, const Shape& shape, const Values& values, DType dtype) {
  const Tape tape(&ctx, Tape::Mode::no_grad);
  const Tensor wide = Tensor::from(shape, values, DType::f32);
  return cast(tape.constant(to_device(tape.context(), wide)), dtype).value();
}
inline Values values_of(CudaContext& ctx, const Tensor& t) {
  const Tape tape(&ctx, Tape::Mode::no_grad);
  return to_host(tape.context(), cast(tape.constant(t), DType::f32).value()).to_vector();
}

/// on_gpu's numbers, `shift` elements behind an address of 16 bytes.
template <class T>
Tensor placed(CudaContext& ctx, const Shape& shape, const Values& values, int64_t shift) {
  const Tensor all = Tensor::empty({shape.numel() + shift}, dtype_of<T>(), ctx.memory());
  const Tensor part = all.rows(shift, shape.numel()).reshaped(shape);
  ctx.copy(part, on_gpu(ctx, shape, values, dtype_of<T>()));
  return part;
}

/// The f64 that `kernel` writes on the CPU, as `dtype` holds it.
template <class Kernel>
Values exact_values(CudaContext& ctx, const Shape& shape, DType dtype, Kernel&& kernel) {
  const Tensor out = Tensor::empty(shape, DType::f64);
  kernel(out.view<double>());
  return values_of(ctx, on_gpu(ctx, shape, out.to_vector(), dtype));
}

/// What `kernel` writes to a result of NaNs between two margins, which must stay; nothing where it
/// refuses. shift: elements by which the result's address is off a multiple of 16 bytes.
template <class T, class Kernel>
std::optional<Values> result(CudaContext& ctx, const Shape& shape, Kernel&& kernel,
                             int64_t shift = 0) {
  const int64_t margin = 512 + shift;
  const Tensor all = Tensor::empty({shape.numel() + 2 * margin}, dtype_of<T>(), ctx.memory());
  ctx.fill(all, std::numeric_limits<double>::quiet_NaN());
  if (!kernel(View<T>{all.data<T>() + margin, shape})) return std::nullopt;
  const Values values = values_of(ctx, all);
  const auto first = values.begin() + margin, last = values.end() - margin;
  CHECK(std::all_of(values.begin(), first, [](double v) { return std::isnan(v); }));
  CHECK(std::all_of(last, values.end(), [](double v) { return std::isnan(v); }));
  return Values(first, last);
}

}  // namespace weft
