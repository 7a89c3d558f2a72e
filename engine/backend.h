// The closed set of backends, resolved by overloads through one variant visit: ops hold no #ifdef
// and no registry. on_device(context, dtype, f) calls f(ctx, T{}) with the context and the element
// type, and refuses a pair the backend does not compute in; on_device_full() is for ops that keep
// f32 or f64 whatever the run's precision (losses, softmax, the policy). A build without CUDA lists
// one context fewer, and kernels for the other are declared, never called.
#pragma once

#include <type_traits>
#include <variant>

#include "engine/cpu/context.h"
#include "engine/error.h"
#ifdef WEFT_WITH_CUDA
#include "engine/cuda/context.h"
#endif

namespace weft {

class CudaContext;

#ifdef WEFT_WITH_CUDA
using AnyContext = std::variant<CpuContext*, CudaContext*>;
#else
using AnyContext = std::variant<CpuContext*>;
#endif

inline CachingAllocator& memory_of(const AnyContext& context) {
  return std::visit([](auto* ctx) -> CachingAllocator& { return ctx->memory(); }, context);
}

/// The tensor itself where the CPU can read it, or a copy on the host that is finished.
inline Tensor to_host(const AnyContext& context, const Tensor& t) {
  if (t.on_host()) return t;
  const Tensor host = Tensor::empty(t.shape(), t.dtype());
  std::visit([&](auto* ctx) { ctx->copy(host, t); }, context);
  return host;
}

/// A tensor where the context computes: itself where it is there, or its bytes on the device.
inline Tensor to_device(const AnyContext& context, const Tensor& host) {
  return std::visit([&](auto* ctx) { return ctx->upload(host); }, context);
}

namespace backend_detail {

template <bool full, class F>
void dispatch(const AnyContext& context, DType dtype, F&& f) {
  std::visit(
      [&](auto* ctx) {
        using Context = std::remove_pointer_t<decltype(ctx)>;
        const auto call = [&](auto zero) {
          using T = decltype(zero);
          if constexpr (Context::template supports<T> && !(full && std::is_same_v<T, bf16_t>))
            f(*ctx, zero);
          else
            throw ConfigError(fmt::format("{}{} is not computed on {}{}", leave_op(),
                                          name_of(dtype), ctx->name(),
                                          full ? " by this op; cast it to f32 first" : ""));
        };
        switch (dtype) {
          case DType::f32:
            return call(float{});
          case DType::f64:
            return call(double{});
          case DType::bf16:
            return call(bf16_t{});
          default:
            throw ShapeError(fmt::format("{}{} is no float type", leave_op(), name_of(dtype)));
        }
      },
      context);
}

}  // namespace backend_detail

template <class F>
void on_device(const AnyContext& context, DType dtype, F&& f) {
  backend_detail::dispatch<false>(context, dtype, std::forward<F>(f));
}
template <class F>
void on_device_full(const AnyContext& context, DType dtype, F&& f) {
  backend_detail::dispatch<true>(context, dtype, std::forward<F>(f));
}

}  // namespace weft
