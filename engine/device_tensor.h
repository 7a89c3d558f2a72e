// Tensors made and filled where a context computes, on the host or on its device. Work on a device is
// queued; whoever reads its result on the host goes through to_host() (backend.h), which waits.
#pragma once

#include "engine/backend.h"

namespace weft {

/// to = from, of one shape and dtype, wherever each of them lies.
inline void copy_to(const AnyContext& context, const Tensor& to, const Tensor& from) {
  std::visit([&](auto* ctx) { ctx->copy(to, from); }, context);
}

inline void fill_with(const AnyContext& context, const Tensor& t, double value) {
  std::visit([&](auto* ctx) { ctx->fill(t, value); }, context);
}

/// Bytes of its own, where the context computes.
inline Tensor copy_of(const AnyContext& context, const Tensor& from) {
  const Tensor to = Tensor::empty(from.shape(), from.dtype(), memory_of(context));
  copy_to(context, to, from);
  return to;
}

inline Tensor zeros_on(const AnyContext& context, const Shape& shape, DType dtype) {
  const Tensor t = Tensor::empty(shape, dtype, memory_of(context));
  fill_with(context, t, 0.0);
  return t;
}

}  // namespace weft
